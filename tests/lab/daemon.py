"""A long-running program of the product under test: started, killed without mercy, stopped politely, measured."""

import contextlib
import os
import re
import signal
import subprocess
import time

import namespaces


def find_binary(directory, name):
    """Where the build puts its programs: DIR/bin, or DIR itself for installed ones."""
    for candidate in (os.path.join(directory, "bin", name), os.path.join(directory, name)):
        if os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise namespaces.LabError(f"no program {name} in {directory} or {directory}/bin: build first")


class Daemon:
    """Leads a session of its own, so that its children can be told from everybody else's."""

    def __init__(self, name, log_path):
        self.name = name
        self.log_path = log_path
        self.process = None

    def spawn(self, command):
        if self.running():
            raise namespaces.LabError(f"{self.name} runs already")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=environment())

    def running(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        """The program's processes: it, and what it started."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                if self.process and _session_of(pid) == self.process.pid]

    def kill(self):
        """kill -9 of every process of it, as a crash of the machine's memory killer would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):  # it went with the first
                    os.kill(pid, signal.SIGKILL)

    def stop(self, patience=20.0):
        """SIGTERM; returns the exit status. One that does not go is killed and reported."""
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
        """Why there is no use in waiting, or None."""
        if self.process and self.process.poll() is not None:
            tail = "\n".join(self.log().splitlines()[-8:])
            return f"{self.name} ended with {self.process.returncode}; its last words:\n{tail}"
        return None

    def memory(self):
        """(resident now, most resident ever) in KiB, summed over its processes."""
        now = most = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                status = file.read()
            now += int((re.search(r"^VmRSS:\s+(\d+)", status, re.M) or [0, 0])[1])
            most += int((re.search(r"^VmHWM:\s+(\d+)", status, re.M) or [0, 0])[1])
        return now, most


def environment():
    """Clean, but for what a sanitizer's user sets for the programs under test."""
    passed = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {**namespaces.CLEAN_ENVIRONMENT, **passed}


def wait(condition, what, timeout=20.0, hopeless=lambda: None):
    """Waits until condition() is true and returns its value; `hopeless` may say why waiting is of no use."""
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
