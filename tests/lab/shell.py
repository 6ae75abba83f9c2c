"""A shell that somebody holds on a host, driven one command at a time.

The intruder's steps nest: a shell on gw runs ssh, and the same pipe then speaks to a shell on web. So the driver only
knows a pipe in, a pipe out, and a word of its own after each command by which it knows that the command has ended.
"""

import itertools
import os
import select
import shlex
import time


# How long a command may take; whoever makes the machine slow on purpose sets more.
PATIENCE = 20.0


class ShellError(Exception):
    """A command did not end in time, failed, or the shell is gone. Carries what was heard until then."""


class Shell:
    """`write_fd` and `read_fd` are owned by the shell from now on. Not thread-safe."""

    _numbers = itertools.count(1)

    def __init__(self, write_fd, read_fd, transcript=None):
        self._write_fd = write_fd
        self._read_fd = read_fd
        self._transcript = transcript or (lambda text: None)
        self._pending = b""
        self._entered = []  # the words that the outer shells will say when the inner ones end

    def run(self, command, timeout=None, check=True):
        """Runs a command; returns its output. `check` raises on a non-zero exit."""
        word = self._new_word()
        self._send(f"{command}\n{self._saying(word)}\n")
        output, status = self._read_until(word, command, timeout)
        self._transcript(f"$ {command}\n{output}")
        if check and status != 0:
            raise ShellError(f"{command!r} ended with {status}: {output}")
        return output

    def enter(self, command, timeout=None):
        """Runs a command that becomes the shell spoken to from now on (ssh … bash -s); leave() ends it."""
        word = self._new_word()
        self._send(f"{command}; {self._saying(word)}\n")
        self._entered.append(word)
        self._transcript(f"$ {command}")
        return self.run("hostname; id -un; cat /proc/$$/loginuid; echo; cat /proc/$$/sessionid", timeout).split()

    def leave(self, timeout=None):
        """Ends the innermost shell and waits until the one that entered it speaks: what is written before that would
        still go to the dying ssh."""
        self._send("exit\n")
        self._read_until(self._entered.pop(), "exit", timeout)

    def end(self):
        """Leaves every shell, innermost first, and the first one too; a shell that is gone already is no trouble."""
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

    def _new_word(self):
        return f"done-{next(self._numbers)}"

    @staticmethod
    def _saying(word):
        # Quoted apart, so that an echo of the command line itself cannot be taken for the word.
        return f"echo; echo {word[:4]}'{word[4:]}' $?"

    def _send(self, text):
        try:
            os.write(self._write_fd, text.encode())
        except OSError as error:
            raise ShellError(f"the shell is gone: {error}; heard: {self._pending!r}") from error

    def _read_until(self, word, command, timeout):
        timeout = timeout or PATIENCE
        deadline = time.monotonic() + timeout
        marker = f"\n{word} ".encode()
        while True:
            start = self._pending.find(marker)
            end = self._pending.find(b"\n", start + 1) if start >= 0 else -1
            if end >= 0:
                output = self._pending[:start].decode(errors="replace").strip("\n")
                status = int(self._pending[start + len(marker):end])
                self._pending = self._pending[end + 1:]
                return output, status
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read_fd], [], [], left)[0]:
                raise ShellError(f"{command!r}: no answer in {timeout} s; heard: {self._pending!r}")
            heard = os.read(self._read_fd, 65536)
            if not heard:
                raise ShellError(f"{command!r}: the shell ended; heard: {self._pending!r}")
            self._pending += heard


def of_process(process, transcript=None):
    """The shell behind a Popen with stdin and stdout pipes."""
    return Shell(os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno()), transcript)


def of_fifos(directory, transcript=None):
    """The shell that reads `in` and writes `out`, two fifos. Opened for both directions, so that nothing blocks and
    neither side sees an end while the other is still to come."""
    return Shell(os.open(f"{directory}/in", os.O_RDWR | os.O_CLOEXEC),
                 os.open(f"{directory}/out", os.O_RDWR | os.O_CLOEXEC), transcript)


def command_line(words):
    return " ".join(shlex.quote(word) for word in words)
