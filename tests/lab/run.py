#!/usr/bin/python3
"""The lab tier: several hosts on this machine, each with its own agent, real sshd, real ssh, real PAM.

    run.py [--binaries DIR] [--only NAME] [--repeat N] [--logs DIR] [--at-a-time N]

Labs do not meet: with --at-a-time 2, two modules run at a time, each in namespaces of its own, but for those that
need the machine to themselves. Ends with one line `N passed, N failed` and a status to match. Needs root. A test that cannot run fails and says what it
lacks.
"""

import argparse
import concurrent.futures
import fnmatch
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
# What needs no product comes first: if the scene is wrong, the rest proves nothing.
MODULES = ("environment_test", "pagerduty_test", "reflection_test", "story_checks_test", "configuration_test",
           "story_test", "roots_test", "openssh_test", "addresses_test", "restart_test", "privilege_test",
           "surroundings_test", "host_rules_test", "blinding_test", "stop_test", "looking_test", "host_row_test", "reload_test",
           "signals_test", "roles_test", "bad_input_test", "damage_test", "disk_test", "full_disk_test", "clone_test",
           "health_test", "pager_test")
# One of these measures times, or touches every sensor of this machine and not only the one in its own hosts.
ALONE = ("environment_test", "story_test", "blinding_test", "looking_test")
# The longest, in this order before the others, so that none is left to run by itself at the end.
LONGEST = ("restart_test", "disk_test", "damage_test", "health_test", "privilege_test", "addresses_test", "clone_test",
           "roots_test")
PROGRAMS = ("ip", "nft", "ssh", "ssh-keygen", "sshpass", "nsenter", "unshare", "setpriv", "openssl", "protoc", "runc",
            "/usr/sbin/cron", "/usr/sbin/sshd")

SANITIZER_REPORT = r"(ERROR|WARNING): \w+Sanitizer|: runtime error: "


class Result(unittest.TestResult):
    """One line a test, with the reason where it failed; counts a failed setUpClass as every test of the class."""

    def __init__(self, suite_sizes):
        super().__init__()
        self.passed = 0
        self.failed = 0
        self._suite_sizes = suite_sizes
        self._troubled = set()

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() in self._troubled:
            self.failed += 1
        else:
            self.passed += 1
            print(f"ok    {test.id()} ({time.monotonic() - self._began:.1f} s)", flush=True)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._tell(test, error, subtest)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._tell(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._tell(test, error)
        if not isinstance(test, unittest.TestCase):  # setUpClass or tearDownClass of the class named in the id
            name = test.id().partition("(")[2].rstrip(")")
            self.failed += self._suite_sizes.get(name, 1) if test.id().startswith("setUp") else 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell(test, (None, f"skipped, which no test may do: {reason}", None))

    def _tell(self, test, error, subtest=None):
        self._troubled.add(test.id())
        kind, value, trace = error
        where = [frame for frame in traceback.extract_tb(trace) if frame.filename.startswith(HERE)] if trace else []
        print(f"FAIL  {(subtest or test).id()}")
        for frame in where[-3:]:
            print(f"        {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}")
        name = f"{kind.__name__}: " if kind else ""
        print("        " + f"{name}{value}".rstrip().replace("\n", "\n        "), flush=True)


def flatten(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flatten(each)
        else:
            yield each


def choose(pattern, modules=MODULES):
    """The tests of these modules whose id contains the pattern, or matches it as a glob."""
    tests = list(flatten(unittest.defaultTestLoader.loadTestsFromNames(modules)))
    if pattern:
        tests = [test for test in tests if pattern in test.id() or fnmatch.fnmatch(test.id(), pattern)]
    return tests


def run_once(tests, lab_test_case):
    sizes = {}
    for test in tests:
        name = f"{type(test).__module__}.{type(test).__qualname__}"
        sizes[name] = sizes.get(name, 0) + 1
    result = Result(sizes)
    unittest.TestSuite(tests).run(result)
    for name, what, value in lab_test_case.measured:
        print(f"      {name}: {what}: {value}")
    lab_test_case.measured.clear()
    return result.passed, result.failed


class Module:
    """Runs the tests of a module in a process of its own: one that upsets the client's gRPC (refused handshakes, streams
    cut off) leaves nothing behind for the next."""

    def __init__(self, name, arguments, logs):
        self._name = name
        self._command = [sys.executable, os.path.abspath(__file__), "--binaries", arguments.binaries, "--logs", logs,
                         "--module", name]
        self._command += ["--only", arguments.only] if arguments.only else []
        self._child = None
        self._unwanted = False
        self._lock = threading.Lock()

    def run(self, show):
        """Gives each line to `show`; returns (passed, failed)."""
        last = ""
        with self._lock:
            if self._unwanted:
                return 0, 0
            self._child = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        with self._child:
            try:
                for line in self._child.stdout:
                    if re.fullmatch(r"\d+ passed, \d+ failed\n", line):
                        last = line
                    else:
                        show(line)
            except BaseException:
                self.terminate()  # leaving the block waits for it
                raise
        if not last:
            show(f"FAIL  {self._name}: it ended with status {self._child.returncode} and without a result\n")
            return 0, 1
        passed, failed = map(int, re.findall(r"\d+", last))
        return passed, failed

    def run_silently(self):
        """Shows its lines when it has ended, so that they do not mix with another's."""
        lines = []
        counts = self.run(lines.append)
        print("".join(lines), end="", flush=True)
        return counts

    def terminate(self):
        """It cleans up, which nobody waits for here."""
        with self._lock:
            self._unwanted = True
            if self._child and self._child.poll() is None:
                self._child.terminate()


def show_now(line):
    print(line, end="", flush=True)


def run_apart(modules, arguments, logs):
    """Returns the sums of (passed, failed)."""
    by_name = {name: Module(name, arguments, logs) for name in modules}
    alone = [name for name in modules if name in ALONE or arguments.at_a_time == 1]
    together = [name for name in LONGEST if name in modules and name not in alone]
    together += [name for name in modules if name not in alone and name not in together]
    with concurrent.futures.ThreadPoolExecutor(arguments.at_a_time) as pool:  # leaving it waits for what runs
        try:
            counts = [by_name[name].run(show_now) for name in alone]
            counts += [future.result() for future in [pool.submit(by_name[name].run_silently) for name in together]]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for module in by_name.values():
                module.terminate()
            raise
    return tuple(map(sum, zip(*counts)))


def sanitizer_reports(directory):
    """The programs' logs in which a sanitizer has found something, with its first line: a program that was stopped
    with a report is no success, whatever was asserted about it."""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "**", "*.log"), recursive=True)):
        with open(path, encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if re.search(SANITIZER_REPORT, line)), None)
        if line:
            found[path] = line.strip()
    return found


def unwind(number, _):
    """Ends the run so that every context manager gets to clean up, undisturbed by a second signal. Not ignored: what
    is started until then would ignore it, too."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda *_: None)
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", default=os.path.join(HERE, "../../build/dev/bin"),
                        help="where the programs under test lie (default build/dev/bin)")
    parser.add_argument("--only", metavar="NAME", help="run the tests whose name contains NAME, or matches it")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="run everything chosen N times")
    parser.add_argument("--logs", metavar="DIR", help="keep every log here (default: only those of failures)")
    parser.add_argument("--at-a-time", metavar="N", type=int, default=1, help="how many modules run at a time")
    parser.add_argument("--module", choices=MODULES, help=argparse.SUPPRESS)  # set by run_apart
    arguments = parser.parse_args()
    missing = [program for program in PROGRAMS if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")]
    if os.geteuid() != 0 or missing:
        print("the lab needs " + (f"these programs: {', '.join(missing)}" if missing else "root"), file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)
    sys.path.insert(0, HERE)
    os.umask(0o022)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failing calls are often what a test wants
    import lab_test_case
    lab_test_case.binaries = os.path.abspath(arguments.binaries)
    logs = arguments.logs or tempfile.mkdtemp(prefix="hoptrail-lab-logs-")
    passed = failed = 0
    for number in range(arguments.repeat):
        lab_test_case.logs = os.path.join(os.path.abspath(logs), str(number + 1)) if arguments.repeat > 1 else \
            os.path.abspath(logs)
        tests = choose(arguments.only, [arguments.module] if arguments.module else MODULES)
        if not tests:
            print(f"no test is named {arguments.only}", file=sys.stderr)
            failed += 1
            break
        modules = list(dict.fromkeys(type(test).__module__ for test in tests))
        if len(modules) == 1:
            good, bad = run_once(tests, lab_test_case)
        else:
            good, bad = run_apart(modules, arguments, lab_test_case.logs)
        if not arguments.module:
            for path, line in sanitizer_reports(lab_test_case.logs).items():
                bad += 1
                print(f"FAIL  {path}: {line}")
        passed, failed = passed + good, failed + bad
        if not bad and not arguments.logs:
            shutil.rmtree(lab_test_case.logs, ignore_errors=True)
        if arguments.repeat > 1:
            print(f"      round {number + 1}: {good} passed, {bad} failed", flush=True)
    if failed and not arguments.module:
        print(f"      logs: {logs}")
    elif not arguments.logs:
        shutil.rmtree(logs, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
