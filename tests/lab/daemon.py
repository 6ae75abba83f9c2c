"""A long-running program of the product under test: starts it, kills it, stops it with SIGTERM, measures it."""

import contextlib
import os
import re
import signal
import subprocess
import time

import namespaces


def find_binary(directory, name):
    """The path of a program in DIR/bin (a build directory), or in DIR itself (installed programs)."""
    for candidate in (os.path.join(directory, "bin", name), os.path.join(directory, name)):
        if os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise namespaces.LabError(f"no program {name} in {directory} or {directory}/bin: build first")


class Daemon:
    """The program leads a session of its own, by which its children are recognized."""

    def __init__(self, name, log_path):
        self.name = name
        self.log_path = log_path
        self.process = None

    def spawn(self, command):
        if self.running():
            raise namespaces.LabError(f"{self.name} is already running")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=environment())

    def running(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        """The pids of the program and of its children."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                if self.process and _session_of(pid) == self.process.pid]

    def kill(self):
        """Kills every process of the program with SIGKILL, as the kernel's OOM killer would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):  # it ended with the first
                    os.kill(pid, signal.SIGKILL)

    def stop(self, patience=20.0):
        """Sends SIGTERM; returns the exit status. A program that does not end is killed, which is an error."""
        if not self.process:
            return None
        self.process.terminate()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise namespaces.LabError(f"{self.name} did not end within {patience} s of SIGTERM") from None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_for_log(self, pattern, timeout=20.0):
        wait(lambda: re.search(pattern, self.log()), f"{self.name}'s log to match {pattern!r}", timeout, self.failed)
        return re.search(pattern, self.log())

    def failed(self):
        """The reason why waiting is useless, or None."""
        if self.process and self.process.poll() is not None:
            tail = "\n".join(self.log().splitlines()[-8:])
            return f"{self.name} ended with {self.process.returncode}; its log ends with:\n{tail}"
        return None

    def memory(self):
        """(resident now, peak resident) in KiB, summed over its processes."""
        now = most = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                status = file.read()
            now += int((re.search(r"^VmRSS:\s+(\d+)", status, re.M) or [0, 0])[1])
            most += int((re.search(r"^VmHWM:\s+(\d+)", status, re.M) or [0, 0])[1])
        return now, most


def environment():
    """A clean environment, plus the sanitizers' options for the programs under test."""
    passed = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {**namespaces.CLEAN_ENVIRONMENT, **passed}


def wait(condition, what, timeout=20.0, hopeless=lambda: None):
    """Waits until condition() is true and returns its value. hopeless() may return the reason why waiting is
    useless."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        reason = hopeless()
        if reason:
            raise namespaces.LabError(f"waited for {what}: {reason}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(0.05)


def _session_of(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
