"""`blinding`: interference with an agent while somebody is logged in on its host becomes a detection within seconds.
blinding_service_test.py has the events while nobody is."""

import os
import signal
import time

import bench
import daemon
import intruder
import lab_test_case
from privilege_test import wait_processes

WITHIN = 60.0  # seconds on a machine that may be very busy; the real duration is printed
DETACHED = b"the kernel's events do not come any more"


class Blinding(lab_test_case.SteppedTestCase):
    """An administrator is logged in on db, and nobody anywhere else."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.agent = cls.bench.agents["db"]
        cls.administrator = intruder.Administrator(cls.bench.fleet, cls.transcript())
        cls.addClassCleanup(cls.administrator.leave)
        cls.administrator.enter_db()
        cls.session = daemon.wait(
            lambda: next((each["name"] for each in cls.bench.api.sessions()
                          if each["user"] == "admin" and each["logged_in"]), None), "the administrator's session")

    def blindings(self):
        return [each for each in self.bench.api.detections() if each["rule"] == "blinding"]

    def wait_for(self, kind, began, detail=""):
        """Waits for a detection of that kind and returns it; `began` is the wall time of its cause."""
        def reported():
            return next((each for each in self.blindings() if each["evidence"]["kind"] == kind
                         and detail in each["evidence"]["detail"]), None)

        found = daemon.wait(reported, f"a detection of kind {kind}", WITHIN)
        self.measure(f"{kind} to the detection", f"{time.time() - began:.1f} s")
        self.assertEqual(found["session"], self.session)
        self.assertEqual(found["host"].partition(".")[0], self.bench.api.hosts()["db"]["name"])
        self.assertEqual(found["host_name"], "db")
        self.assertIn("T1562.001", found["techniques"])
        return found

    def step_0_no_interference_no_detection(self):
        self.assertEqual(self.blindings(), [])

    def step_1_worker_killed(self):
        pids = wait_processes(self.agent)
        began = time.time()
        os.kill(pids["worker"], signal.SIGKILL)
        found = self.wait_for("ended", began, "killed by signal 9")
        self.assertEqual(found["severity"], "HIGH")
        self.assertIn("admin", found["summary"])
        wait_processes(self.agent, but=pids["worker"])

    def step_2_worker_stopped(self):
        pids = wait_processes(self.agent)
        began = time.time()
        os.kill(pids["worker"], signal.SIGSTOP)
        self.wait_for("stopped", began, "the worker was stopped by signal 19")

    def step_3_loader_stopped_no_kernel_events(self):
        """The supervisor is stopped first, because it would continue the loader. Then no heartbeat comes out of the
        rings."""
        pids = wait_processes(self.agent)
        began = time.time()
        try:
            for role in ("supervisor", "loader"):
                os.kill(pids[role], signal.SIGSTOP)
            self.wait_for("blind", began)
            # The host is degraded at once, not only with the next health report.
            detected = time.time()
            daemon.wait(lambda: DETACHED in self.bench.health_of("db"), "the degradation", WITHIN)
            self.assertLess(time.time() - detected, 5)
        finally:
            for role in ("loader", "supervisor"):
                os.kill(pids[role], signal.SIGCONT)
        daemon.wait(lambda: DETACHED not in self.bench.health_of("db"), "the degradation to end", WITHIN)

    def step_4_all_processes_stopped_agent_silent(self):
        pids = wait_processes(self.agent)
        began = time.time()
        try:
            for role in ("supervisor", "loader", "worker"):
                os.kill(pids[role], signal.SIGSTOP)
            found = self.wait_for("silent", began)
            self.assertEqual(found["severity"], "MEDIUM")
        finally:
            for pid in pids.values():
                os.kill(pid, signal.SIGCONT)

    def step_5_loader_killed(self):
        pids = wait_processes(self.agent)
        began = time.time()
        os.kill(pids["loader"], signal.SIGKILL)
        self.wait_for("ended", began, "the loader was killed by signal 9")
        self.agent.process.wait(30)

    def step_6_all_processes_killed_next_run_reports(self):
        self.agent.start()
        wait_processes(self.agent)
        self.bench.wait_connected(["db"])
        began = time.time()
        self.agent.kill()
        self.agent.start()
        self.wait_for("ended", began, "last run ended without having been asked to")
        wait_processes(self.agent)

    def step_7_stop_by_manager_no_detection(self):
        before = sorted((each["name"], each["time"]) for each in self.blindings())
        self.assertEqual(self.agent.stop(), 0)
        time.sleep(15)
        self.assertEqual(sorted((each["name"], each["time"]) for each in self.blindings()), before)
