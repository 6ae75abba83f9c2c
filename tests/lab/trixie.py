"""A container on one of the lab's hosts with the programs of Debian 13, whose sshd is split into several programs.

Its packages come from Debian's mirror, at most once a day, and stay in the build tree; none of them is installed.
"""

import os
import re
import shutil
import stat
import subprocess
import sys

import accounts
import daemon
import namespaces

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/debian"))

import archive  # noqa: E402

SUITE = "trixie"
PACKAGES = ("openssh-server", "openssh-client", "bash", "coreutils")
PORT = 2222
QUIET_PORT = 2223  # of an sshd that logs nothing
MERGED = ("bin", "sbin", "lib", "lib64")
DIRECTORIES = ("dev", "proc", "run/sshd", "tmp", "root", "home", "var/log", "outside")
# Debian's pam-auth-update would write these lines if the packages were installed.
PAM = {"account": "account required pam_unix.so\n", "auth": "auth required pam_unix.so\n",
       "password": "password required pam_unix.so\n", "session": "session required pam_unix.so\n"}

# Starts the quiet sshd and becomes the other one, in a mount and a pid namespace of its own, in the host's network
# namespace, and in no login.
SCRIPT = """
set -e
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --bind /run/log.socket "$1/run/log.socket"
cd "$1"
pivot_root . outside
umount -l /outside
echo 4294967295 > /proc/self/loginuid
/usr/sbin/sshd -e -p QUIET_PORT -o LogLevel=QUIET -o PidFile=none
exec /usr/sbin/sshd -D
""".replace("QUIET_PORT", str(QUIET_PORT))


class Container:
    """`users` are accounts of the container. Ends with its host."""

    def __init__(self, host, users):
        self._host = host
        self._log = os.path.join(host.directory, "container.log")
        self.root = os.path.join(host.directory, "container")
        self.users = users
        self._unpack()
        self._configure()

    def _unpack(self):
        for directory in DIRECTORIES:
            os.makedirs(os.path.join(self.root, directory))
        for name in MERGED:
            os.makedirs(os.path.join(self.root, "usr", name))
            os.symlink(f"usr/{name}", os.path.join(self.root, name))
        with archive.Archive(os.path.join(ROOT, "build", SUITE), {SUITE}).locked() as debian:
            for package in debian.with_dependencies(PACKAGES):
                namespaces.run(["dpkg-deb", "--extract", package, self.root])

    def _configure(self):
        etc = os.path.join(self.root, "etc")
        homes = {"/home": os.path.join(self.root, "home"), "/root": os.path.join(self.root, "root")}
        accounts.write_users(etc, homes, self.users)
        for kind, text in PAM.items():
            accounts.write(f"{etc}/pam.d/common-{kind}", text)
        # With PerSourcePenalties the login after the guesses would be refused.
        accounts.write(f"{etc}/ssh/sshd_config", "PerSourcePenalties no\n" + accounts.SSHD_CONFIG.replace(
            "Port 22\n", f"Port {PORT}\n"))
        for name in ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"):
            shutil.copy(self._host.path(f"/etc/ssh/{name}"), f"{etc}/ssh/{name}")
        accounts.write(os.path.join(self.root, "run/log.socket"), "")
        accounts.write(os.path.join(self.root, "var/log/lastlog"), "")
        os.chmod(os.path.join(self.root, "tmp"), 0o1777)
        os.mknod(os.path.join(self.root, "dev/null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # for version()

    def user(self, name):
        return next(user for user in self.users if user.name == name)

    def home(self, user):
        """The user's home on this machine."""
        return self.root + self.user(user).home

    def version(self):
        """The version that its sshd prints: "OpenSSH_10.0p2 Debian-7"."""
        output = namespaces.run(["chroot", self.root, "/usr/sbin/sshd", "-V"]).stderr
        return re.search(r"OpenSSH_[^,]*", output).group()

    def start(self):
        """Starts sshd; returns once it listens."""
        with open(self._log, "ab") as log:
            process = self._host.popen(["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "/bin/sh",
                                        "-c", SCRIPT, "container", self.root], stdout=log, stderr=subprocess.STDOUT)
        port = f":{PORT:04X}"

        def listens():
            lines = self._host.run(["cat", "/proc/net/tcp"]).stdout.splitlines()
            return any(line.split()[1].endswith(port) and line.split()[3] == "0A" for line in lines[1:])

        def hopeless():
            if process.poll() is None:
                return None
            with open(self._log, encoding="utf-8", errors="replace") as file:
                return f"it ended with {process.returncode}: {file.read()[-500:]}"

        daemon.wait(listens, f"the container's sshd to listen on {PORT}", 20.0, hopeless)
