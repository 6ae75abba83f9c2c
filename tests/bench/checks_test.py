#!/usr/bin/python3
"""The benchmarks' own arithmetic, with figures whose results are known. Needs neither root nor a build."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0:0] = [HERE, os.path.join(os.path.dirname(HERE), "vm"), os.path.join(os.path.dirname(HERE), "lab")]

import counting_guest  # noqa: E402
import instructions  # noqa: E402
import performance_page  # noqa: E402
import rounds  # noqa: E402
import series  # noqa: E402
import stages  # noqa: E402


class FakeSensor:
    def __init__(self, name):
        self.name = name
        self.running = False

    def start(self):
        self.running = True

    def stop(self):
        self.running = False

    def pids(self):
        return []


class FakeLoads:
    """Each run takes longer than the one before, and a tenth more while the sensor runs."""

    def __init__(self, sensor):
        self._sensor = sensor
        self._runs = 0

    def run(self, _):
        self._runs += 1
        took = (100.0 + self._runs) * (1.1 if self._sensor.running else 1.0)
        return took, took / 2


class Series(unittest.TestCase):
    def test_percentile_of_a_series(self):
        values = list(range(1, 101))
        self.assertEqual([series.percentile(values, share) for share in (0.5, 0.99, 1.0)], [50, 99, 100])
        self.assertEqual(series.percentile([7], 0.99), 7)

    def test_interval_contains_the_median_and_narrows_with_more_values(self):
        few, many = [1.0, 1.2, 0.9, 1.1, 1.0], [1.0, 1.2, 0.9, 1.1, 1.0] * 20
        for values in (few, many):
            low, high = series.interval(values)
            self.assertLessEqual(low, 1.0)
            self.assertGreaterEqual(high, 1.0)
        self.assertLess(series.interval(many)[1] - series.interval(many)[0],
                        series.interval(few)[1] - series.interval(few)[0])


class Rounds(unittest.TestCase):
    def test_drift_does_not_change_ratios(self):
        sensor = FakeSensor("sensor")
        turns = rounds.Rounds(FakeLoads(sensor), FakeSensor("none"), [sensor], ["exec"])
        turns.play(4)
        for ratio in turns.ratios("sensor", "exec"):
            self.assertAlmostEqual(ratio, 1.1)
        for ratio in turns.noise("exec"):
            self.assertAlmostEqual(ratio, 1.0)
        self.assertEqual(turns.results()["exec"]["sensor"]["n"], 4)


class Instructions(unittest.TestCase):
    WAS = {"none": 10_000.0, "in_kernel": 12_000.0, "worker": 8_000.0}

    def fault(self, sensor, **now):
        return instructions.fault_of(self.WAS, {**self.WAS, **now}, sensor)

    def test_unchanged_counts_pass(self):
        for sensor in ("in_kernel", "worker"):
            self.assertEqual(self.fault(sensor), "")
        self.assertEqual(self.fault("worker", worker=8_280.0), "")

    def test_growth_over_three_percent_fails(self):
        self.assertNotEqual(self.fault("worker", worker=8_300.0), "")
        self.assertNotEqual(self.fault("in_kernel", in_kernel=12_361.0), "")
        # Less than 3 % of the whole, but 10 % of the sensor's part.
        self.assertNotEqual(self.fault("in_kernel", in_kernel=12_200.0), "")
        # The kernel itself does more.
        self.assertEqual(self.fault("in_kernel", none=10_200.0, in_kernel=12_200.0), "")

    def test_guest_output_becomes_counts_and_programs(self):
        guest = counting_guest.CountingGuest(None, None, "/tmp", 1)
        for number, count in enumerate((9.0, 5.0, 6.0)):
            for sensor in ("none", "agent"):
                guest._evaluate(f"{sensor}.exec", number, 0, [f"ns_per_operation {count}", ""])
        self.assertEqual(guest.counts()["exec"], {"none": 5.0, "agent": 6.0})
        guest._evaluate("none.tcp", 1, 0, ["nothing"])
        self.assertEqual([passed for *_, passed, _ in guest.tests], [False])
        runs = counting_guest.all_of(counting_guest.OPERATIONS["exec"])
        for mode, count in (("before", 0), ("exec", runs)):
            guest._evaluate(f"programs.{mode}", 0, 0,
                         [f'[{{"name": "p", "run_cnt": {count}, "run_time_ns": {count * 7}}}]'])
        self.assertEqual(guest.programs()["exec"], {"p": {"runs_per_operation": 1.0, "instructions_per_run": 7.0}})

    def test_worker_count_excludes_idle_use(self):
        guest = counting_guest.CountingGuest(None, None, "/tmp", 1)
        count = counting_guest.all_of(counting_guest.LIVE["exec"])
        for number in range(3):
            guest._evaluate("agent.idle", number, 0, ["worker_ns 1000"])
            # All operations together take one second.
            guest._evaluate("agent.exec", number, 0, [f"ns_per_operation {1e9 / count:.9f}",
                                                   f"worker_ns {500 * count + 2000}"])
        self.assertAlmostEqual(guest.counts()["exec"]["worker"], 500.0, places=1)


class Stages(unittest.TestCase):
    TEXT = ("hoptrail-worker \n\tffffffff81 do_epoll_wait\n\t 55 hoptrail::agent::Wakeups::Wait(absl::Duration)\n"
            "\t 56 hoptrail::agent::Agent::Run()\n\n"
            "hoptrail-worker \n\t 7f malloc\n\t 55 hoptrail::agent::decode::Decode(void const*)\n\n"
            "hoptrail-worker \n\t 55 std::sort\n\t 56 hoptrail::(anonymous namespace)::Now\n\t 57"
            " hoptrail::SystemClock::BootNs() const\n\n"
            "spool \n\t 7f sqlite3_step\n\t 7f [unknown]\n")

    def test_samples_are_assigned_to_directories(self):
        self.assertEqual(stages.by_directory(self.TEXT), {"samples": 4, "share": {
            "hoptrail-worker": {"agent, in the kernel": 0.25, "agent/decode": 0.25, "core/base": 0.25},
            "spool": {"libraries": 0.25}}})


class Page(unittest.TestCase):
    def test_tables_between_marks_are_replaced(self):
        begin, end = performance_page.marked("x")
        self.assertEqual(performance_page.with_tables(f"a\n{begin}old\n{end}b\n", {"x": "new\n"}),
                         f"a\n{begin}new\n{end}b\n")
        with self.assertRaises(SystemExit):
            performance_page.with_tables("a\n", {"x": "new\n"})


if __name__ == "__main__":
    unittest.main()
