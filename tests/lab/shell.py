"""An open shell on a host, driven one command at a time.

The intruder's steps nest: a shell on gw runs ssh, and the same pipe then leads to a shell on web. So the driver uses
only a pipe in, a pipe out, and a marker that it prints after each command to see that the command has ended.
"""

import itertools
import os
import select
import shlex
import time


# Seconds that a command may take; tests that make the machine slow on purpose set more.
PATIENCE = 20.0


class ShellError(Exception):
    """A command did not end in time, failed, or the shell has ended. The message contains the output until then."""


class Shell:
    """Takes ownership of `write_fd` and `read_fd`. Not thread-safe."""

    _numbers = itertools.count(1)

    def __init__(self, write_fd, read_fd, transcript=None):
        self._write_fd = write_fd
        self._read_fd = read_fd
        self._transcript = transcript or (lambda text: None)
        self._pending = b""
        self._entered = []  # the markers that the outer shells will print when the inner ones end

    def run(self, command, timeout=None, check=True):
        """Runs a command; returns its output. `check` raises on a non-zero exit."""
        marker = self._new_marker()
        self._send(f"{command}\n{self._print(marker)}\n")
        output, status = self._read_until(marker, command, timeout)
        self._transcript(f"$ {command}\n{output}")
        if check and status != 0:
            raise ShellError(f"{command!r} ended with {status}: {output}")
        return output

    def enter(self, command, timeout=None):
        """Runs a command that becomes the current shell (ssh … bash -s); leave() ends it."""
        marker = self._new_marker()
        self._send(f"{command}; {self._print(marker)}\n")
        self._entered.append(marker)
        self._transcript(f"$ {command}")
        return self.run("hostname; id -un; cat /proc/$$/loginuid; echo; cat /proc/$$/sessionid", timeout).split()

    def leave(self, timeout=None):
        """Ends the innermost shell and waits for the outer shell's marker: input written before that would still go to
        the ending ssh."""
        self._send("exit\n")
        self._read_until(self._entered.pop(), "exit", timeout)

    def end(self):
        """Leaves every shell, innermost first, and ends the outermost; a shell that has already ended is no error."""
        try:
            while self._entered:
                self.leave(timeout=5.0)
            self._send("exit\n")
        except ShellError:
            pass
        self.close()

    def close(self):
        for descriptor in {self._write_fd, self._read_fd}:
            if descriptor >= 0:
                os.close(descriptor)
        self._write_fd = self._read_fd = -1

    def _new_marker(self):
        return f"done-{next(self._numbers)}"

    @staticmethod
    def _print(marker):
        # Half of it is quoted, so that an echo of the command line itself does not look like the marker.
        return f"echo; echo {marker[:4]}'{marker[4:]}' $?"

    def _send(self, text):
        try:
            os.write(self._write_fd, text.encode())
        except OSError as error:
            raise ShellError(f"the shell has ended: {error}; output: {self._pending!r}") from error

    def _read_until(self, marker, command, timeout):
        timeout = timeout or PATIENCE
        deadline = time.monotonic() + timeout
        line = f"\n{marker} ".encode()
        while True:
            start = self._pending.find(line)
            end = self._pending.find(b"\n", start + 1) if start >= 0 else -1
            if end >= 0:
                output = self._pending[:start].decode(errors="replace").strip("\n")
                status = int(self._pending[start + len(line):end])
                self._pending = self._pending[end + 1:]
                return output, status
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read_fd], [], [], left)[0]:
                raise ShellError(f"{command!r}: no answer in {timeout} s; output: {self._pending!r}")
            received = os.read(self._read_fd, 65536)
            if not received:
                raise ShellError(f"{command!r}: the shell ended; output: {self._pending!r}")
            self._pending += received


def of_process(process, transcript=None):
    """The shell that a Popen with stdin and stdout pipes runs."""
    return Shell(os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno()), transcript)


def of_fifos(directory, transcript=None):
    """The shell that reads the fifo `in` and writes the fifo `out`. Both are opened for reading and writing, so that
    nothing blocks and neither side sees an end of file before the other has opened it."""
    return Shell(os.open(f"{directory}/in", os.O_RDWR | os.O_CLOEXEC),
                 os.open(f"{directory}/out", os.O_RDWR | os.O_CLOEXEC), transcript)


def command_line(words):
    return " ".join(shlex.quote(word) for word in words)
