"""What a run of the tests has started, counted and measured so far."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULT = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
# With the lowest priority that there is, by itself and, since many kernels share CPUs out between sessions first
# (sched(7), autogroup), for all of its session.
BEHIND = ("nice", "-n", "19", "sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec "$@"', "sh")
STOP_SECONDS = 60


class Record:
    """May be used by several threads. `failed` and `passed` count tests; logs lie in `logs`."""

    def __init__(self, logs, began):
        shutil.rmtree(logs, ignore_errors=True)
        os.makedirs(logs)
        self.logs = logs
        self.passed = 0
        self.failed = 0
        self._began = began  # of the run, as time.monotonic() tells it
        self._times = []  # (what, when it began, seconds on the clock, seconds of CPUs)
        self._running = set()
        self._lock = threading.RLock()  # stop() may come while it is held

    def count(self, passed, failed):
        with self._lock:
            self.passed += passed
            self.failed += failed

    def count_result(self, name, status, output):
        """Adds the counts of a runner that closes with `N passed, N failed`, and has a status to match."""
        found = RESULT.findall(output)
        passed, failed = map(int, found[-1]) if found else (0, 0)
        if not found or (status != 0 and failed == 0):
            failed += 1
            self.say(f"FAILED {name}: it ended with status {status}" + ("" if found else " and without a result"))
        self.count(passed, failed)

    def say(self, text):
        with self._lock:
            print(text, flush=True)

    def add_time(self, what, began, took, used):
        with self._lock:
            self._times.append((what, began, took, used))

    @contextlib.contextmanager
    def timed(self, what):
        """A row of the table: collects what call() measures within it, in a list that it yields."""
        began, used = time.monotonic(), []
        try:
            yield used
        finally:
            self.add_time(what, began - self._began, time.monotonic() - began, sum(used))

    def call(self, name, command, used, behind=False, live=False, env=None):
        """Runs a command to its end, its output in NAME.log; returns its status and its output. `live`: shows the
        output as it comes."""
        path = os.path.join(self.logs, name + ".log")
        with open(path, "w", encoding="utf-8", errors="replace") as log:
            with self._lock:
                process = subprocess.Popen([*(BEHIND if behind else ()), *command], cwd=ROOT,
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if live else log,
                                           stderr=subprocess.STDOUT, text=True, errors="replace",
                                           start_new_session=True, env={**os.environ, **(env or {})})
                self._running.add(process)
            if live:
                for line in process.stdout:
                    log.write(line)
                    self.say(line.rstrip("\n"))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            with self._lock:
                self._running.discard(process)
        used.append(usage.ru_utime + usage.ru_stime)
        with open(path, encoding="utf-8", errors="replace") as log:
            return process.returncode, log.read()

    def stop(self):
        """Asks whatever runs to end, and waits for that, but not for ever. No thread may start anything after it."""
        self._lock.acquire()  # for good
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running:
            while os.path.exists(f"/proc/{process.pid}") and not _is_zombie(process.pid):
                if time.monotonic() > deadline:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    break
                time.sleep(0.1)
        print("interrupted", file=sys.stderr)

    def print_times(self):
        print(f"{'':14} {'began at':>9} {'took':>9} {'of CPUs':>14}   (seconds)")
        for what, began, took, used in sorted(self._times, key=lambda row: row[1]):
            print(f"{what:14} {began:>9.0f} {took:>9.0f} {used:>14.0f}")
        print(f"{'in all':14} {0:>9} {time.monotonic() - self._began:>9.0f} {sum(row[3] for row in self._times):>14.0f}")


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
