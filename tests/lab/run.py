#!/usr/bin/python3
"""The lab tier: several hosts on this machine, each with its own agent, real sshd, real ssh, real PAM.

    run.py [--tier lab|ways] [--binaries DIR] [--only NAME] [--repeat N] [--logs DIR] [--at-a-time N]

With --at-a-time 2, two modules run at the same time, each in namespaces of its own, except those that need the whole
machine (ALONE). The output ends with one line `N passed, N failed`; the exit status agrees with it. Needs root. A test
that cannot run fails and says what it lacks.
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
# Tests of the lab itself come first: if the lab is wrong, the other tests prove nothing.
MODULES = ("environment_test", "pagerduty_test", "reflection_test", "story_checks_test", "configuration_test",
           "story_test", "roots_test", "openssh_test", "login_servers_test", "addresses_test", "restart_test",
           "privilege_test", "restricted_host_test", "host_rules_test", "blinding_test",
           "blinding_service_test", "stop_test",
           "inspection_test", "host_row_test", "reload_test", "signals_test", "roles_test", "bad_input_test",
           "damage_test", "disk_test", "full_disk_test", "clone_test", "health_test", "pager_test", "liar_test",
           "unmonitored_test", "pivots_test")
# The tier `ways`: one scene for each way to cross.
WAYS = ("ways.services_test",)
# These measure times, or affect every sensor of this machine and not only those of their own hosts.
ALONE = ("environment_test", "story_test", "blinding_test", "inspection_test")
# The longest run first, in this order, so that none of them is left to run alone at the end.
LONGEST = ("restart_test", "disk_test", "damage_test", "health_test", "privilege_test", "addresses_test", "clone_test",
           "roots_test", "unmonitored_test")
PROGRAMS = ("ip", "nft", "ssh", "ssh-keygen", "sshpass", "nsenter", "unshare", "setpriv", "openssl", "protoc", "runc",
            "tmux", "gdb", "script", "crontab", "/usr/sbin/cron", "/usr/sbin/dropbear", "/usr/sbin/sshd",
            "/usr/sbin/tinysshd")

SANITIZER_REPORT = r"(ERROR|WARNING): \w+Sanitizer|: runtime error: "


class Result(unittest.TestResult):
    """Prints one line for each test, with the reason of a failure. A failed setUpClass counts as a failure of every
    test of the class."""

    def __init__(self, suite_sizes):
        super().__init__()
        self.passed = 0
        self.failed = 0
        self._suite_sizes = suite_sizes
        self._failed_ids = set()

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() in self._failed_ids:
            self.failed += 1
        else:
            self.passed += 1
            print(f"ok    {test.id()} ({time.monotonic() - self._began:.1f} s)", flush=True)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._print_failure(test, error, subtest)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._print_failure(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._print_failure(test, error)
        if not isinstance(test, unittest.TestCase):  # setUpClass or tearDownClass of the class named in the id
            name = test.id().partition("(")[2].rstrip(")")
            self.failed += self._suite_sizes.get(name, 1) if test.id().startswith("setUp") else 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._print_failure(test, (None, f"skipped, which no test may do: {reason}", None))

    def _print_failure(self, test, error, subtest=None):
        self._failed_ids.add(test.id())
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
    """Runs the tests of a module in a process of its own, so that a module that disturbs the client's gRPC (refused
    handshakes, broken streams) does not affect the next one."""

    def __init__(self, name, arguments, logs):
        self._name = name
        self._command = [sys.executable, os.path.abspath(__file__), "--binaries", arguments.binaries, "--logs", logs,
                         "--module", name]
        self._command += ["--only", arguments.only] if arguments.only else []
        self._child = None
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self, show):
        """Gives each line to `show`; returns (passed, failed)."""
        last = ""
        with self._lock:
            if self._cancelled:
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
                self.terminate()  # leaving the `with` block waits for its end
                raise
        if not last:
            show(f"FAIL  {self._name}: it ended with status {self._child.returncode} and without a result\n")
            return 0, 1
        passed, failed = map(int, re.findall(r"\d+", last))
        return passed, failed

    def run_silently(self):
        """Prints the module's lines when it has ended, so that they do not mix with another module's."""
        lines = []
        counts = self.run(lines.append)
        print("".join(lines), end="", flush=True)
        return counts

    def terminate(self):
        """Asks the process to end. It cleans up; this method does not wait for that."""
        with self._lock:
            self._cancelled = True
            if self._child and self._child.poll() is None:
                self._child.terminate()


def show_now(line):
    print(line, end="", flush=True)


def run_apart(modules, arguments, logs):
    """Runs each module in a process of its own; returns the sums of (passed, failed)."""
    by_name = {name: Module(name, arguments, logs) for name in modules}
    alone = [name for name in modules if name in ALONE or arguments.at_a_time == 1]
    together = [name for name in LONGEST if name in modules and name not in alone]
    together += [name for name in modules if name not in alone and name not in together]
    with concurrent.futures.ThreadPoolExecutor(arguments.at_a_time) as pool:  # its end waits for running modules
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
    """The logs that contain a sanitizer's report, with its first line. A report is a failure, also when the tests
    passed."""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "**", "*.log"), recursive=True)):
        with open(path, encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if re.search(SANITIZER_REPORT, line)), None)
        if line:
            found[path] = line.strip()
    return found


def unwind(number, _):
    """Ends the run so that every context manager cleans up, and a second signal does not disturb that. The signals get
    an empty handler and are not ignored, because programs started until the end would inherit an ignored signal."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda *_: None)
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", default=os.path.join(HERE, "../../build/dev/bin"),
                        help="directory of the programs under test (default build/dev/bin)")
    parser.add_argument("--only", metavar="NAME", help="run the tests whose name contains NAME, or matches it")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="run everything chosen N times")
    parser.add_argument("--logs", metavar="DIR", help="keep every log here (default: only those of failures)")
    parser.add_argument("--at-a-time", metavar="N", type=int, default=1, help="how many modules run at a time")
    parser.add_argument("--tier", choices=("lab", "ways"), help="only the modules of that tier")
    parser.add_argument("--module", choices=MODULES + WAYS, help=argparse.SUPPRESS)  # set by run_apart
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
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # many tests make calls that fail on purpose
    import lab_test_case
    import ways.page
    lab_test_case.binaries = os.path.abspath(arguments.binaries)
    logs = arguments.logs or tempfile.mkdtemp(prefix="hoptrail-lab-logs-")
    passed = failed = 0
    for number in range(arguments.repeat):
        lab_test_case.logs = os.path.join(os.path.abspath(logs), str(number + 1)) if arguments.repeat > 1 else \
            os.path.abspath(logs)
        modules = {"lab": MODULES, "ways": WAYS}.get(arguments.tier, MODULES + WAYS)
        tests = choose(arguments.only, [arguments.module] if arguments.module else modules)
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
        if arguments.tier == "ways" and not arguments.only and not bad:
            error = ways.page.check(lab_test_case.logs)
            good, bad = good + (not error), bad + bool(error)
            print(f"FAIL  ways.page: {error}" if error else "ok    ways.page")
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
