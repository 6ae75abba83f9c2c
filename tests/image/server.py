"""A private sshd on a loopback port of this machine, and logins to it with a key of its own."""

import os
import pwd
import socket
import subprocess

import containers
import pods

SSHD = "/usr/sbin/sshd"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Listens from construction to close()."""

    def __init__(self, directory):
        os.makedirs(directory, mode=0o700)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd insists on it
        self.user = pwd.getpwuid(0).pw_name
        self.port = free_port()
        self._directory = directory
        for name in ("host", "user"):
            containers.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self._path(name)])
        listing = containers.run(["ssh-keygen", "-lf", self._path("user.pub")])
        self.fingerprint = listing.split()[1]
        with open(self._path("sshd_config"), "w", encoding="utf-8") as file:
            file.write(f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self._path('host')}\n"
                       f"AuthorizedKeysFile {self._path('user.pub')}\nPermitRootLogin prohibit-password\n"
                       f"StrictModes no\nUsePAM yes\nPasswordAuthentication no\nPidFile none\n")
        self._log = open(self._path("log"), "wb")
        self._process = subprocess.Popen([SSHD, "-D", "-f", self._path("sshd_config")],
                                         stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            pods.wait(self._answers, "the private sshd to listen", 10, self._hopeless)
        except BaseException:
            self.close()
            raise

    def login(self, command):
        """Logs in by key, runs `command` and returns its output."""
        return containers.run(["ssh", "-F", "none", "-i", self._path("user"), "-p", str(self.port),
                               "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                               "-o", "StrictHostKeyChecking=accept-new",
                               "-o", f"UserKnownHostsFile={self._path('known_hosts')}",
                               f"{self.user}@127.0.0.1", command],
                              timeout=60)

    def close(self):
        self._process.terminate()
        self._process.wait(10)
        self._log.close()

    def _path(self, name):
        return os.path.join(self._directory, name)

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _hopeless(self):
        return f"it ended with {self._process.returncode}" if self._process.poll() is not None else None
