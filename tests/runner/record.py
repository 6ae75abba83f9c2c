"""The state of one run of the tests: running programs, counts and times."""

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
# Runs a command with the lowest priority, for its process and for its whole session: many kernels first divide the CPUs
# between sessions (sched(7), autogroup).
BACKGROUND = ("nice", "-n", "19", "sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec "$@"', "sh")
STOP_SECONDS = 60


class Record:
    """Thread-safe. `failed` and `passed` count tests; `logs` is the directory of the logs."""

    def __init__(self, logs, began):
        shutil.rmtree(logs, ignore_errors=True)
        os.makedirs(logs)
        self.logs = logs
        self.passed = 0
        self.failed = 0
        self._began = began  # of the run, on time.monotonic()'s clock
        self._times = []  # (name, when it began, seconds on the clock, seconds of CPUs)
        self._running = set()
        self._lock = threading.RLock()  # the signal handler calls stop() while this thread may hold it

    def count(self, passed, failed):
        with self._lock:
            self.passed += passed
            self.failed += failed

    def count_result(self, name, status, output):
        """Adds the counts of a runner that ends with `N passed, N failed` and an exit status that agrees with them."""
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
        """Makes a row of the table. Yields a list, to which call() adds the CPU time that it measures."""
        began, used = time.monotonic(), []
        try:
            yield used
        finally:
            self.add_time(what, began - self._began, time.monotonic() - began, sum(used))

    def call(self, name, command, used, background=False, live=False, env=None):
        """Runs a command to its end, with its output in NAME.log; returns its status and its output. With `live` it
        also prints the output line by line."""
        path = os.path.join(self.logs, name + ".log")
        with open(path, "w", encoding="utf-8", errors="replace") as log:
            with self._lock:
                process = subprocess.Popen([*(BACKGROUND if background else ()), *command], cwd=ROOT,
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
        """Asks all running programs to end, waits for them, and kills them after STOP_SECONDS. No thread can start
        anything afterwards."""
        self._lock.acquire()  # never released
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
        used = sum(row[3] for row in self._times)
        print(f"{'in all':14} {0:>9} {time.monotonic() - self._began:>9.0f} {used:>14.0f}")


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
