"""The origin of a request to end the agent: a request by a login is always a detection and a page; one by the service
manager is not."""

import os
import signal
import time

import bench
import daemon
import fleet as fleets
import lab_test_case
from logins import RootLogin
from privilege_test import wait_processes

WITHIN = 60.0  # seconds on a machine that may be very busy; the real duration is printed
ROUNDS = int(os.environ.get("HOPTRAIL_STOP_ROUNDS", "3"))


class AskedToEnd(lab_test_case.SteppedTestCase):
    """root is logged in to db."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.agent = cls.bench.agents["db"]
        wait_processes(cls.agent)
        cls.login = RootLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.login.leave)
        cls.session = daemon.wait(cls.session_of_login, "root's session on db")

    @classmethod
    def session_of_login(cls):
        return next((each["name"] for each in cls.bench.api.sessions()
                     if each.get("audit_session") == cls.login.audit_session and each["logged_in"]), None)

    def blindings(self, session=None):
        """The detections of `blinding` by (method or kind of interference, time)."""
        return {(each["evidence"].get("method") or each["evidence"]["kind"], each["time"]): each
                for each in self.bench.api.detections()
                if each["rule"] == "blinding" and session in (None, each["session"])}

    def new_since(self, before):
        return {method: each for (method, _), each in
                ((key, each) for key, each in self.blindings().items() if key not in before)}

    def wait_for(self, methods, before):
        daemon.wait(lambda: set(methods) <= set(self.new_since(before)), f"detections by {methods}", WITHIN)
        return self.new_since(before)

    def start_again(self):
        began = self.bench.api.hosts()["db"].get("agent_start_time")
        self.agent.start()
        daemon.wait(lambda: self.bench.api.hosts()["db"].get("agent_start_time") != began, "the next agent", 30.0,
                    self.agent.failed)
        self.bench.wait_connected(["db"])
        wait_processes(self.agent)

    def step_1_signal_from_a_login_is_detected_by_host_and_collector(self):
        """SIGTERM and SIGINT from the ssh session: the agent ends with status 0. The signal is a detection of the
        host's rule and the goodbye one of the collector's rule, both tied to that session."""
        found, missing = 0, []
        for number in range(ROUNDS):
            name, value = (("TERM", signal.SIGTERM), ("INT", signal.SIGINT))[number % 2]
            before = self.blindings()
            pids = wait_processes(self.agent)
            began = time.time()
            self.login.shell.run(f"kill -{name} {pids['supervisor']}")
            self.assertEqual(self.agent.process.wait(20), 0)
            try:
                found_now = self.wait_for([f"signal {int(value)}", "goodbye"], before)
            except TimeoutError:
                missing.append(number)
                self.start_again()
                continue
            self.measure(f"kill -{name} to both detections", f"{time.time() - began:.1f} s")
            for each in found_now.values():
                self.assertEqual(each["session"], self.session)
            self.assertEqual(found_now["goodbye"]["severity"], "HIGH")
            self.assertIn("bash", found_now["goodbye"]["summary"])
            found += 1
            self.start_again()
        self.measure("detected", f"{found} of {ROUNDS}")
        self.assertEqual(missing, [])

    def step_2_signal_from_a_login_is_paged(self):
        incident = next(each for each in self.bench.api.incidents()
                        if set(each["detections"]) & {one["name"] for one in self.blindings(self.session).values()})
        self.bench.pagerduty.wait_until(
            lambda deliveries: any(each.accepted and incident["name"] in each.event["dedup_key"]
                                   for each in deliveries), WITHIN)

    def step_3_stop_by_service_manager_is_no_detection(self):
        """The process that started the agent may end it, also while somebody is logged in."""
        before = self.blindings()
        self.assertEqual(self.agent.stop(), 0)
        self.start_again()
        time.sleep(3)
        self.assertEqual(self.new_since(before), {})

    def step_4_systemctl_stop_from_a_login_is_medium(self):
        """systemctl asks process 1 to end the agent. Process 1 does not do so in the lab, but the command line of
        systemctl is enough."""
        before = self.blindings()
        self.login.shell.run("systemctl stop hoptrail-agent", check=False)
        self.assertEqual(self.agent.stop(), 0)
        detection = self.wait_for(["goodbye"], before)["goodbye"]
        self.assertEqual(detection["session"], self.session)
        self.assertEqual(detection["severity"], "MEDIUM")
        self.assertIn("systemctl stop hoptrail-agent", detection["summary"])
        self.start_again()

    def step_5_supervisor_killed_from_a_login_is_detected(self):
        """The worker has a few seconds left, in which it evaluates the signal."""
        before = self.blindings()
        pids = wait_processes(self.agent)
        self.login.shell.run(f"kill -KILL {pids['supervisor']}")
        self.agent.process.wait(20)
        detection = self.wait_for(["signal 9"], before)["signal 9"]
        self.assertEqual(detection["session"], self.session)
        self.start_again()
