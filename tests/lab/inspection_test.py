"""A login that inspects the kernel's BPF objects is information only; one that changes the sensor's objects is a
detection of high severity."""

import json
import time

import bench
import daemon
import lab_test_case
from privilege_test import wait_processes
from logins import RootLogin

WITHIN = 60.0
# perf top goes on until timeout ends it, which exits with 124.
INSPECTIONS = ("bpftool prog show", "bpftool map list", "bpftool link list", "bpftool -j prog show", "bpftool btf list",
               "perf list", "perf record -o /tmp/perf.data -a -- sleep 0.2",
               "timeout 2 perf top --stdio -d 1; test $? = 124")


class Inspection(lab_test_case.SteppedTestCase):
    """root is logged in to db by ssh."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        wait_processes(cls.bench.agents["db"])
        cls.login = RootLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.login.leave)

    def blindings(self):
        return [each for each in self.bench.api.detections() if each["rule"] == "blinding"]

    def step_1_inspecting_kernel_objects_is_info_only(self):
        for command in INSPECTIONS:
            self.login.shell.run(f"{{ {command}; }} </dev/null 2>&1")
        inspected = daemon.wait(lambda: [each for each in self.blindings() if each["evidence"].get("method") == "look"],
                                "the detection of the inspection", WITHIN)
        self.assertEqual([each["severity"] for each in inspected], ["INFO"])
        time.sleep(3)
        self.assertEqual([each["evidence"]["method"] for each in self.blindings()], ["look"])
        self.assertEqual(self.bench.api.incidents(), [])
        self.assertEqual(self.bench.pagerduty.deliveries(), [])

    def step_2_changing_a_map_is_high(self):
        """The agents of all hosts are in this kernel: the step changes a map of each, on which nothing depends."""
        maps = [each["id"] for each in json.loads(self.login.shell.run("bpftool -j map list"))
                if each.get("name") == "attempts"]
        self.assertGreaterEqual(len(maps), 4)
        began = time.time()
        for each in maps:
            self.login.shell.run(f"bpftool map update id {each} key {'1 ' * 24} value {'0 ' * 16}")
            self.login.shell.run(f"bpftool map delete id {each} key {'1 ' * 24}")
        changed = daemon.wait(lambda: [each for each in self.blindings() if each["evidence"]["method"] == "map update"],
                              "the change", WITHIN)
        self.measure("a changed map to the detection", f"{time.time() - began:.1f} s")
        self.assertEqual([each["severity"] for each in changed], ["HIGH"])
        self.assertIn("bpftool", changed[0]["summary"])
        self.bench.pagerduty.wait_until(lambda deliveries: any(each.accepted for each in deliveries), WITHIN)
