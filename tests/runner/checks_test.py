#!/usr/bin/python3
"""The runner's own parts, without any tier: the order of the tiers, and the counting of results."""

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
    """Records the calls; tiers in the foreground take a moment."""

    def __init__(self, *_):
        FakeTiers.ran = []

    def run(self, name, background=False):
        FakeTiers.ran.append((name, background))
        time.sleep(0 if background else 0.05)
        FakeTiers.ran.append((f"end of {name}", background))


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

    def test_no_tier_named_every_tier_runs_once(self):
        expected = sorted([*tiers.ORDER, tiers.FUZZ_BUILD])
        self.assertEqual(sorted(self.run_with()), expected)
        self.assertEqual(sorted(self.run_with("--one-at-a-time")), expected)
        self.assertEqual(sorted(self.run_with("all")), sorted([*expected, *tiers.SANITIZERS]))

    def test_guests_boot_after_the_tier_storm(self):
        self.run_with()
        names = [name for name, _ in FakeTiers.ran]
        self.assertLess(names.index("end of storm"), names.index("vm"))
        self.assertLess(names.index("end of storm"), names.index("instructions"))

    def test_guests_and_fuzz_build_run_in_background(self):
        self.run_with()
        self.assertEqual({name for name, background in FakeTiers.ran if background and not name.startswith("end")},
                         {*tiers.EMULATED, tiers.FUZZ_BUILD})
        self.run_with("--one-at-a-time")
        self.assertEqual([name for name, background in FakeTiers.ran if background], [])

    def test_named_tiers_only_these_run(self):
        self.assertEqual(self.run_with("lab", "unit"), ["unit", "lab"])
        self.assertEqual(self.run_with("vm"), ["vm"])
        self.assertNotIn("vm", self.run_with("--preset", "release"))

    def test_unknown_tier_is_refused(self):
        for arguments in (["nothing"], ["all", "unit"], ["--preset", "asan", "all"]):
            with self.subTest(arguments=arguments), contextlib.redirect_stderr(io.StringIO()):
                with self.assertRaises(SystemExit):
                    self.run_with(*arguments)


class Commands(unittest.TestCase):
    def test_only_all_runs_the_variants(self):
        default, everything = (tiers.Tiers(unittest.mock.Mock(logs="/logs"), "dev", all_of_them)
                               for all_of_them in (False, True))
        self.assertIn("--oldest-and-newest", default._command("instructions"))
        self.assertNotIn("--oldest-and-newest", everything._command("instructions"))
        self.assertNotIn("--thorough", default._command("vm"))
        self.assertIn("--thorough", everything._command("vm"))


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

    def test_two_results_are_added(self):
        self.assertEqual(self.counts((0, "x\n3 passed, 0 failed\n"), (1, "2 passed, 1 failed\n")), (5, 1))

    def test_runner_without_result_counts_as_failed(self):
        self.assertEqual(self.counts((0, "3 passed"), (139, "")), (0, 2))

    def test_bad_status_without_failed_tests_counts_as_failed(self):
        self.assertEqual(self.counts((1, "3 passed, 0 failed\n")), (3, 1))

    def test_call_is_measured_and_logged(self):
        with self.record.timed("a tier") as used:
            busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo output; exit 3"
            status, output = self.record.call("busy", ["sh", "-c", busy], used)
        self.assertEqual((status, output), (3, "output\n"))
        self.assertGreater(sum(used), 0)
        self.record.print_times()
        self.assertRegex(self.output.getvalue(), r"a tier +\d+ +\d+ +\d+\n(.*\n)*in all ")

    def test_concurrent_calls_get_their_own_output(self):
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
