"""Who asked the agent to end: a login that does is a detection and a page, always; the service's manager is not."""

import os
import signal
import subprocess
import time

import bench
import daemon
import fleet as fleets
import intruder
import lab_test_case
import shell
from privilege_test import wait_processes

WITHIN = 60.0  # of a machine that may be very busy; what it took is printed
ROUNDS = int(os.environ.get("HOPTRAIL_STOP_ROUNDS", "3"))


class RootLogin:
    """root on db, come in by ssh from web with a key that lies there."""

    def __init__(self, fleet):
        self._client = fleet["web"].popen(
            ["setpriv", "--reuid=2002", "--regid=2002", "--clear-groups", "--reset-env", "sh", "-c",
             f"{intruder.SSH} -i ~/.ssh/id_db root@db bash -s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.shell = shell.of_process(self._client)
        self.audit_session = int(self.shell.run("cat /proc/$$/sessionid"))

    def leave(self):
        self.shell.end()
        self._client.stdin.close()
        self._client.stdout.close()
        self._client.wait(10)


class AskedToEnd(lab_test_case.SteppedTestCase):
    """root is logged in on db."""

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
        """By what tells them apart: the way, or the kind of trouble."""
        return {(each["evidence"].get("way") or each["evidence"]["kind"], each["time"]): each
                for each in self.bench.api.detections()
                if each["rule"] == "blinding" and session in (None, each["session"])}

    def new_since(self, before):
        return {way: each for (way, _), each in
                ((key, each) for key, each in self.blindings().items() if key not in before)}

    def wait_for(self, ways, before):
        daemon.wait(lambda: set(ways) <= set(self.new_since(before)), f"detections by {ways}", WITHIN)
        return self.new_since(before)

    def start_again(self):
        began = self.bench.api.hosts()["db"].get("agent_start_time")
        self.agent.start()
        daemon.wait(lambda: self.bench.api.hosts()["db"].get("agent_start_time") != began, "the next agent", 30.0,
                    self.agent.failed)
        self.bench.wait_connected(["db"])
        wait_processes(self.agent)

    def step_1_by_a_login(self):
        """SIGTERM and SIGINT from the ssh session: the agent ends as it should, and both the signal, which the host
        judges, and the goodbye, which the collector judges, are detections of that session."""
        found, missing = 0, []
        for number in range(ROUNDS):
            name, value = (("TERM", signal.SIGTERM), ("INT", signal.SIGINT))[number % 2]
            before = self.blindings()
            pids = wait_processes(self.agent)
            began = time.time()
            self.login.shell.run(f"kill -{name} {pids['supervisor']}")
            self.assertEqual(self.agent.process.wait(20), 0)
            try:
                told = self.wait_for([f"signal {int(value)}", "goodbye"], before)
            except TimeoutError:
                missing.append(number)
                self.start_again()
                continue
            self.measure(f"kill -{name} to both detections", f"{time.time() - began:.1f} s")
            for each in told.values():
                self.assertEqual(each["session"], self.session)
            self.assertEqual(told["goodbye"]["severity"], "HIGH")
            self.assertIn("bash", told["goodbye"]["summary"])
            found += 1
            self.start_again()
        self.measure("detected", f"{found} of {ROUNDS}")
        self.assertEqual(missing, [])

    def step_2_is_paged(self):
        incident = next(each for each in self.bench.api.incidents()
                        if set(each["detections"]) & {one["name"] for one in self.blindings(self.session).values()})
        self.bench.pagerduty.wait_until(
            lambda deliveries: any(each.accepted and incident["name"] in each.event["dedup_key"]
                                   for each in deliveries), WITHIN)

    def step_3_by_its_manager(self):
        """Whoever started it may end it, also while somebody is logged in."""
        before = self.blindings()
        self.assertEqual(self.agent.stop(), 0)
        self.start_again()
        time.sleep(3)
        self.assertEqual(self.new_since(before), {})

    def step_4_by_its_manager_on_behalf_of_a_login(self):
        """systemctl only asks process 1 to do it. There is none here that would: its command line is what counts."""
        before = self.blindings()
        self.login.shell.run("systemctl stop hoptrail-agent", check=False)
        self.assertEqual(self.agent.stop(), 0)
        told = self.wait_for(["goodbye"], before)["goodbye"]
        self.assertEqual(told["session"], self.session)
        self.assertEqual(told["severity"], "MEDIUM")
        self.assertIn("systemctl stop hoptrail-agent", told["summary"])
        self.start_again()

    def step_5_the_first_process_killed(self):
        """The others have a moment left, in which the signal is judged."""
        before = self.blindings()
        pids = wait_processes(self.agent)
        self.login.shell.run(f"kill -KILL {pids['supervisor']}")
        self.agent.process.wait(20)
        told = self.wait_for(["signal 9"], before)["signal 9"]
        self.assertEqual(told["session"], self.session)
        self.start_again()
