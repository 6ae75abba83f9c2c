#!/usr/bin/python3
"""How the vm tier reads a guest's results: nothing that had to run may be missing. Needs neither root nor a build."""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import batches  # noqa: E402
import guest  # noqa: E402

TESTS = {"own.kernel_a_test": ["A.One", "A.Two"], "own.kernel_b_test": ["Kinds/B.Three/Stream"]}
BEGIN = ["@@ kernel 6.1.0", "@@ pass 1 ", "@@ expect 1 own own.kernel_a_test own.kernel_b_test"]
END = ["@@ file dmesg", "<6>[    1.0] hoptrail: the tests begin", "@@ eof", "@@ done"]


def test(name, result="      OK"):
    return [f"[ RUN      ] {name}", f"[ {result} ] {name} (7 ms)"]


def batch(status, *lines):
    return ["@@ begin 1 own", "@@ output 1 own", *lines, f"@@ end 1 own {status}"]


class Results(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="hoptrail-vm-")
        self.addCleanup(shutil.rmtree, self.directory)

    def read(self, lines, console=(), ended=True):
        """The failed tests with their texts, and how many passed in pass 1."""
        run = guest.Guest(None, None, self.directory, 1, "", TESTS)
        for name, text in (("results.log", lines), ("console.log", console)):
            with open(run.path(name), "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in text)
        run._read(ended)
        failed = {name: text for name, _, passed, text in run.tests if not passed}
        return failed, [name for name, number, passed, _ in run.tests if passed and number == 1]

    def test_all_tests_pass(self):
        failed, passed = self.read([*BEGIN, *batch(0, *test("A.One"), *test("A.Two"), *test("Kinds/B.Three/Stream"),
                                                   "[==========] 3 tests from 2 test suites ran. (9 ms total)"), *END])
        self.assertEqual((failed, passed), ({}, ["A.One", "A.Two", "Kinds/B.Three/Stream"]))

    def test_failed_test_has_its_output(self):
        failed, _ = self.read([*BEGIN, *batch(1, *test("A.One"), "[ RUN      ] A.Two", "file.cc:7: Failure",
                                              "[  FAILED  ] A.Two (3 ms)", *test("Kinds/B.Three/Stream"),
                                              "[==========] 3 tests from 2 test suites ran. (9 ms total)"), *END])
        self.assertEqual(list(failed), ["A.Two"])
        self.assertIn("file.cc:7: Failure", failed["A.Two"])

    def test_crash_every_test_without_a_result_fails(self):
        failed, passed = self.read([*BEGIN, *batch(139, *test("A.One"), "[ RUN      ] A.Two", "last words"), *END])
        self.assertEqual((list(failed), passed), (["A.Two", "Kinds/B.Three/Stream"], ["A.One"]))
        self.assertIn("status 139 during this test", failed["A.Two"])
        self.assertIn("last words", failed["A.Two"])
        self.assertIn("status 139 during A.Two", failed["Kinds/B.Three/Stream"])

    def test_test_that_does_not_run_fails(self):
        failed, _ = self.read([*BEGIN, *batch(0, *test("A.One"), *test("A.Two"),
                                              "[==========] 2 tests from 1 test suite ran. (9 ms total)"), *END])
        self.assertEqual(list(failed), ["Kinds/B.Three/Stream"])

    def test_bad_status_without_a_failed_test_fails(self):
        failed, _ = self.read([*BEGIN, *batch(66, *test("A.One"), *test("A.Two"), *test("Kinds/B.Three/Stream"),
                                              "[==========] 3 tests from 2 test suites ran. (9 ms total)"), *END])
        self.assertEqual(list(failed), ["own"])

    def test_guest_dies_kernel_log_names_the_running_test(self):
        console = ["[    2.0] hoptrail: 1 own A.One", "[    2.1] hoptrail: 1 own A.Two", "[    2.2] Kernel panic"]
        failed, passed = self.read([*BEGIN, "@@ begin 1 own"], console)
        self.assertEqual((sorted(failed), passed), (["A.One", "A.Two", "Kinds/B.Three/Stream", "guest", "kernel log"], []))
        self.assertIn("during this test", failed["A.Two"])
        self.assertIn("during A.Two", failed["A.One"])

    def test_guest_killed_later_batches_fail(self):
        failed, _ = self.read(BEGIN, ended=False)
        self.assertEqual(sorted(failed), ["A.One", "A.Two", "Kinds/B.Three/Stream", "guest", "kernel log"])

    def test_kernel_warning_names_the_running_test(self):
        log = ["<6>[    1.0] hoptrail: the tests begin", "<12>[    1.1] hoptrail: 1 own A.One", "<4>[    1.2] odd"]
        self.assertEqual(guest.alarms(log), ["[    1.2] odd (during A.One)"])

    def test_known_trace_is_harmless_and_no_other(self):
        log = ["<6>[ 1.0] hoptrail: the tests begin", "<6>[ 1.1] ------------[ cut here ]------------",
               "<4>[ 1.2] WARNING: kernel/time/hrtimer.c:1071 at hrtimer_forward+0x78/0xb0, CPU#0: x/1",
               "<4>[ 1.3]  dl_task_timer+0x366/0x8e0", "<4>[ 1.4] ---[ end trace 0000000000000000 ]---"]
        self.assertEqual(guest.alarms(log), [])
        self.assertEqual(guest.alarms([*log, "<4>[ 1.5] odd"]), ["[ 1.5] odd"])
        self.assertEqual(len(guest.alarms([*log[:3], log[4]])), 2, "hrtimer_forward for another reason")
        self.assertEqual(len(guest.alarms(log[:4])), 2, "a trace without an end")


class Plans(unittest.TestCase):
    def test_text_has_batches_and_parts(self):
        part = batches.Part("own", "kernel_a_test", ["unix connect", "pam"])
        part.suites = {"A": ["One", "Two"], "Kinds/B": ["Three/Stream"]}
        plan = batches.Plan({"own": "/x/kernel_guest_tests"}, [part])
        self.assertEqual(plan.text(9), "batch own 9 /x/kernel_guest_tests\n"
                                       "part own.kernel_a_test own unix_connect,pam A.*:Kinds/B.*\n")
        self.assertEqual(plan.tests(), {"own.kernel_a_test": ["A.One", "A.Two", "Kinds/B.Three/Stream"]})


if __name__ == "__main__":
    unittest.main()
