#!/usr/bin/python3
"""The runner's own parts, without any tier: what is run when, and what is counted."""

import contextlib
import io
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import main  # noqa: E402
import tiers  # noqa: E402
from record import Record  # noqa: E402


class FakeTiers:
    """Notes what is run; the front tiers take a moment."""

    def __init__(self, *_):
        FakeTiers.ran = []

    def run(self, name, behind=False):
        FakeTiers.ran.append((name, behind))
        time.sleep(0 if behind else 0.05)
        FakeTiers.ran.append((f"end of {name}", behind))


class Order(unittest.TestCase):
    def run_with(self, *arguments):
        kept = sys.argv, tiers.Tiers, tiers.build, tiers.install_rest
        sys.argv = ["run.sh", *arguments]
        tiers.Tiers, tiers.build, tiers.install_rest = FakeTiers, lambda *_: True, lambda *_: None
        try:
            main.run(main.parse(), unittest.mock.Mock(failed=0))
        finally:
            sys.argv, tiers.Tiers, tiers.build, tiers.install_rest = kept
        return [name for name, _ in FakeTiers.ran if not name.startswith("end of ")]

    def test_every_tier_runs_once(self):
        expected = sorted([*tiers.ORDER, tiers.FUZZ_BUILD])
        self.assertEqual(sorted(self.run_with()), expected)
        self.assertEqual(sorted(self.run_with("--one-at-a-time")), expected)
        self.assertEqual(sorted(self.run_with("all")), sorted([*expected, *tiers.SANITIZERS]))

    def test_guests_boot_after_the_storm(self):
        self.run_with()
        names = [name for name, _ in FakeTiers.ran]
        self.assertLess(names.index("end of storm"), names.index("vm"))
        self.assertLess(names.index("end of storm"), names.index("instructions"))

    def test_guests_and_the_fuzz_build_run_behind(self):
        self.run_with()
        self.assertEqual({name for name, behind in FakeTiers.ran if behind and not name.startswith("end")},
                         {*tiers.EMULATED, tiers.FUZZ_BUILD})
        self.run_with("--one-at-a-time")
        self.assertEqual([name for name, behind in FakeTiers.ran if behind], [])

    def test_only_what_is_named_runs(self):
        self.assertEqual(self.run_with("lab", "unit"), ["unit", "lab"])
        self.assertEqual(self.run_with("vm"), ["vm"])
        self.assertNotIn("vm", self.run_with("--preset", "release"))

    def test_what_is_no_tier_is_refused(self):
        for arguments in (["nothing"], ["all", "unit"], ["--preset", "asan", "all"]):
            with self.subTest(arguments=arguments), contextlib.redirect_stderr(io.StringIO()):
                with self.assertRaises(SystemExit):
                    self.run_with(*arguments)


class Counting(unittest.TestCase):
    def setUp(self):
        directory = tempfile.mkdtemp(prefix="hoptrail-runner-")
        self.addCleanup(shutil.rmtree, directory)
        self.record = Record(os.path.join(directory, "logs"), time.monotonic())
        self.output = io.StringIO()
        self.enterContext(contextlib.redirect_stdout(self.output))

    def counts(self, *results):
        for status, output in results:
            self.record.count_result("tier", status, output)
        return self.record.passed, self.record.failed

    def test_counts_are_added(self):
        self.assertEqual(self.counts((0, "x\n3 passed, 0 failed\n"), (1, "2 passed, 1 failed\n")), (5, 1))

    def test_a_runner_without_a_result_has_failed(self):
        self.assertEqual(self.counts((0, "3 passed"), (139, "")), (0, 2))

    def test_a_status_that_its_counts_do_not_explain_is_a_failure(self):
        self.assertEqual(self.counts((1, "3 passed, 0 failed\n")), (3, 1))

    def test_a_call_is_measured_and_logged(self):
        with self.record.timed("a tier") as used:
            busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo said; exit 3"
            status, output = self.record.call("busy", ["sh", "-c", busy], used)
        self.assertEqual((status, output), (3, "said\n"))
        self.assertGreater(sum(used), 0)
        self.record.print_times()
        self.assertRegex(self.output.getvalue(), r"a tier +\d+ +\d+ +\d+\n(.*\n)*in all ")

    def test_two_may_call_at_a_time(self):
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(self.record.call(f"t{n}", ["echo", str(n)], [])))
                   for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [(0, f"{n}\n") for n in range(8)])


if __name__ == "__main__":
    unittest.main()
