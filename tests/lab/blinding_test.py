"""`blinding`: what happens to an agent while somebody is logged in on its host reaches the collector within seconds."""

import os
import signal
import time

import bench
import daemon
import intruder
import lab_test_case
from privilege_test import wait_processes

WITHIN = 60.0  # of a machine that may be very busy; what it took is printed
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
        """The detection of that kind that was told after `began`, wall time."""
        def told():
            return next((each for each in self.blindings() if each["evidence"]["kind"] == kind
                         and detail in each["evidence"]["detail"]), None)

        found = daemon.wait(told, f"a detection that the agent {kind}", WITHIN)
        self.measure(f"{kind} to the detection", f"{time.time() - began:.1f} s")
        self.assertEqual(found["session"], self.session)
        self.assertEqual((found["host"].partition(".")[0], found["host_name"]), (self.bench.api.hosts()["db"]["name"], "db"))
        self.assertIn("T1562.001", found["techniques"])
        return found

    def step_0_nothing_at_first(self):
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

    def step_3_loader_cannot_be_heard(self):
        """The supervisor first, which would continue it: then no heartbeat comes out of the kernel."""
        pids = wait_processes(self.agent)
        began = time.time()
        try:
            for role in ("supervisor", "loader"):
                os.kill(pids[role], signal.SIGSTOP)
            self.wait_for("blind", began)
            # The host's row says so at once, not with the next report of many seconds later.
            told = time.time()
            daemon.wait(lambda: DETACHED in self.bench.health_of("db"), "the degradation", WITHIN)
            self.assertLess(time.time() - told, 5)
        finally:
            for role in ("loader", "supervisor"):
                os.kill(pids[role], signal.SIGCONT)
        daemon.wait(lambda: DETACHED not in self.bench.health_of("db"), "the degradation to end", WITHIN)

    def step_4_all_stopped(self):
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

    def step_6_all_killed(self):
        """With nobody left to tell: the next run does."""
        self.agent.start()
        wait_processes(self.agent)
        self.bench.wait_connected(["db"])
        began = time.time()
        self.agent.kill()
        self.agent.start()
        self.wait_for("ended", began, "last run ended without having been asked to")
        wait_processes(self.agent)

    def step_7_asked_to_end_is_none(self):
        """Neither is an end where nobody is logged in."""
        before = sorted((each["name"], each["time"]) for each in self.blindings())
        self.assertEqual(self.agent.stop(), 0)
        other = self.bench.agents["web"]
        os.kill(wait_processes(other)["worker"], signal.SIGKILL)
        time.sleep(15)
        self.assertEqual(sorted((each["name"], each["time"]) for each in self.blindings()), before)
