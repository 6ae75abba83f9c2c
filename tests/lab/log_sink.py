"""A host's /dev/log: writes the syslog messages of sshd and PAM to a file that the tests read as evidence.

sshd must really log through syslog(3), because the sensor has a uprobe on that call; `sshd -E file` would bypass it.
"""

import os
import re
import select
import socket
import threading
import time

PATIENCE = 10.0
_PRIORITY = re.compile(rb"^<\d+>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")


class LogSink:
    """Owns the socket and one thread. Any thread may call `lines`."""

    def __init__(self, socket_path, file_path):
        self._path = file_path
        self._file = open(file_path, "ab", buffering=0)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        _bind(self._socket, socket_path)
        os.chmod(socket_path, 0o666)
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._copy, name="log sink", daemon=True)
        self._thread.start()

    def _copy(self):
        while True:
            ready, _, _ = select.select([self._socket, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            message = _PRIORITY.sub(b"", self._socket.recv(65536)).rstrip(b"\n\0")
            stamp = f"{time.time():.6f} ".encode()
            self._file.write(stamp + message + b"\n")

    def lines(self):
        with open(self._path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def wait_for(self, pattern, timeout=None, count=1):
        """Returns the matching lines as soon as there are `count` of them; raises TimeoutError otherwise."""
        timeout = timeout or PATIENCE
        deadline = time.monotonic() + timeout
        while True:
            found = [line for line in self.lines() if re.search(pattern, line)]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._path}: {len(found)} of {count} lines match {pattern!r} after {timeout} s")
            time.sleep(0.02)

    def close(self):
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._socket.close()
        self._file.close()
        os.close(self._wake_read)
        os.close(self._wake_write)


def _bind(server, path):
    """bind() takes at most 107 bytes of path; a path through the directory's descriptor is short enough."""
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        server.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)
