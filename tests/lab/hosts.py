"""One host of the lab: its own network, mount and UTS namespaces, its own identity, users and real sshd.

A host's files are under `directory` on this machine, so that tests read logs, spools and stores without entering the
namespaces. There is no pid namespace: the sensor runs in the kernel that all hosts share, and its `scope` limits it to
one of them.
"""

import hashlib
import os
import signal
import subprocess
import time

import accounts
import log_sink
import namespaces

OWN_DIRECTORIES = ("/home", "/root", "/run", "/var/lib", "/var/log", "/srv", "/tmp")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

# Runs in new mount and UTS namespaces and becomes the host's keeper, which holds them open. The host's tree is first
# bound to /mnt, because it may be below a directory that is about to be covered by a mount.
KEEPER_SCRIPT = """
set -e
top=/mnt name=$2 binaries=$3
hostname "$name"
mount --bind "$1" "$top"
if [ -n "$binaries" ]; then mount --bind "$binaries" "$top/root/run/hoptrail-bin"; fi
mount -t tmpfs -o mode=755,size=1m tmpfs "$top/devices"
for device in {devices}; do touch "$top/devices/$device"; mount --bind "/dev/$device" "$top/devices/$device"; done
mkdir "$top/devices/pts" "$top/devices/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$top/devices/pts"
ln -s pts/ptmx "$top/devices/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$top/devices/shm"
ln -s /proc/self/fd "$top/devices/fd"
ln -s ../run/log.socket "$top/devices/log"
mount --rbind "$top/devices" /dev
for directory in {directories}; do mount --rbind "$top/root$directory" "$directory"; done
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$top/root/etc,workdir=$top/overlay-work" /etc
umount -l "$top"
echo ready
exec sleep infinity
"""


def in_no_login(command):
    """The command line of a daemon, which belongs to no login, whoever runs the tests."""
    return ["sh", "-c", 'echo 4294967295 > /proc/self/loginuid; exec "$@"', "daemon", *command]


class Host:
    """Made by the fleet. Not thread-safe; different hosts may be used from different threads."""

    def __init__(self, name, prefix, directory):
        self.name = name
        self.namespace = prefix + name
        self.directory = directory
        self.machine_id = hashlib.sha256(f"{self.namespace} {os.urandom(8).hex()}".encode()).hexdigest()[:32]
        self.users = []
        self.log = None
        self.host_key = None
        self._keeper = None

    def path(self, inner):
        """The path on this machine of a path in the host's own directories."""
        return f"{self.directory}/root{inner}"

    def build(self, addresses, users):
        """Writes the host's files. Starts no process."""
        for inner in ("/etc", *OWN_DIRECTORIES):
            os.makedirs(self.path(inner), mode=0o755)
        os.chmod(self.path("/tmp"), 0o1777)
        for name in ("devices", "overlay-work"):
            os.makedirs(f"{self.directory}/{name}")
        for inner in ("/run/sshd", "/run/hoptrail-bin", "/run/lock", "/var/lib/hoptrail"):
            os.makedirs(self.path(inner), mode=0o755, exist_ok=True)
        for inner in ("/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"):
            accounts.write(self.path(inner), "", 0o600 if "btmp" in inner else 0o664)
        etc = self.path("/etc")
        accounts.write_identity(etc, self.name, self.machine_id, addresses)
        self.users = users
        accounts.write_users(etc, {"/home": self.path("/home"), "/root": self.path("/root")}, users)
        self._make_sshd_files(etc)

    def _make_sshd_files(self, etc):
        accounts.write(f"{etc}/ssh/sshd_config", accounts.SSHD_CONFIG)
        accounts.write(f"{etc}/ssh/ssh_config", "Host *\n    HashKnownHosts no\n")
        key = f"{etc}/ssh/ssh_host_ed25519_key"
        namespaces.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{self.name}", "-f", key])
        with open(key + ".pub", encoding="utf-8") as file:
            self.host_key = " ".join(file.read().split()[:2])
        with open("/etc/pam.d/sshd", encoding="utf-8") as file:
            if "pam_loginuid.so" not in file.read():
                raise namespaces.LabError("/etc/pam.d/sshd does not run pam_loginuid: no login would have an audit id")

    def start(self, binaries=None):
        """Opens the mount and UTS namespaces. The network namespace must exist."""
        script = KEEPER_SCRIPT.format(devices=" ".join(DEVICES), directories=" ".join(OWN_DIRECTORIES))
        self.log = log_sink.LogSink(self.path("/run/log.socket"), self.path("/var/log/auth.log"))
        self._keeper = subprocess.Popen(
            ["nsenter", f"--net={namespaces.path_of(self.namespace)}", "--", "unshare", "--mount", "--uts",
             "--propagation", "private", "/bin/sh", "-c", script, "keeper", self.directory, self.name, binaries or ""],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=namespaces.CLEAN_ENVIRONMENT, start_new_session=True)
        if self._keeper.stdout.readline() != "ready\n":
            raise namespaces.LabError(f"{self.name}: cannot make the namespaces: {self._keeper.stderr.read().strip()}")

    def start_sshd(self):
        """Starts sshd. Its listener becomes a child of this machine's init and belongs to no login, as on any
        server."""
        self.run(in_no_login(["/usr/sbin/sshd"]))
        deadline = time.monotonic() + 5
        while not os.path.exists(self.path("/run/sshd.pid")):
            if time.monotonic() > deadline:
                raise namespaces.LabError(f"{self.name}: sshd did not start: {self.log.lines()[-3:]}")
            time.sleep(0.02)

    def enter(self, command):
        """The command line that runs `command` inside the host."""
        return ["nsenter", "--target", str(self._keeper.pid), "--mount", "--uts", "--net", "--", *command]

    def run(self, command, **options):
        return namespaces.run(self.enter(command), **options)

    def popen(self, command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.enter(command), env=namespaces.CLEAN_ENVIRONMENT, start_new_session=True,
                                **options)

    def write_file(self, inner, text, mode="644"):
        """Writes a file from inside the host (/etc is an overlay, whose lower files must not be changed directly)."""
        script = 'umask 077; mkdir -p -m 755 "${1%/*}" && cat > "$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1"'
        self.run(["sh", "-c", script, "write", inner, mode], stdin=None, input=text)

    def user(self, name):
        return next(user for user in self.users if user.name == name)

    def home(self, user):
        """The user's home on this machine."""
        return self.path(self.user(user).home)

    def stop(self):
        namespaces.end_processes(self.namespace)
        if self._keeper:
            if self._keeper.poll() is None:
                self._keeper.send_signal(signal.SIGKILL)
            self._keeper.wait()
            self._keeper.stdout.close()
            self._keeper.stderr.close()
            self._keeper = None
        if self.log:
            self.log.close()
            self.log = None
