"""Two agents that hold one identity: a clone that was resumed, a snapshot that was reverted, a stolen certificate. Neither blocks
the other, both are seen, and somebody is told."""

import os
import re
import shutil
import time

import bench
import daemon
import intruder
import lab_test_case
from privilege_test import wait_processes

SUSPECTED = "CLONE_SUSPECTED"
GOES_ON = r"another agent speaks for (\S+): .*goes on as (\S+)"


class Clones(lab_test_case.LabTestCase):
    """gw is the original. All hosts share this machine's boot id, so its state on another host is that of a clone."""

    def setUp(self):
        directory = os.path.join(self.directory(), self._testMethodName)
        self.bench = self.enterContext(bench.Bench(lab_test_case.binaries, directory, start_agents=False))
        self.gw, self.original = self.bench.fleet["gw"], self.bench.agents["gw"]
        self.original.start()
        self.bench.wait_connected(["gw"])
        self.intruder = intruder.Intruder(self.bench.fleet, self.transcript())
        self.addCleanup(self.intruder.close)

    def machine(self):
        answer = self.bench.api.client.call("hoptrail.v1.FleetService/ListHosts", {"page_size": 1000})
        return next(host for host in answer["hosts"] if host["name"] == f"hosts/{self.gw.machine_id}")

    def boots(self):
        """States by name."""
        return {boot["name"]: boot["state"] for boot in self.machine()["boots"]}

    def degradations(self):
        return {each["kind"]: each["detail"] for each in self.machine()["degradations"]}

    def login(self, user):
        return next((each for each in self.bench.api.sessions() if each["user"] == user and each["logged_in"]), None)

    def wait_login(self, user):
        return daemon.wait(lambda: self.login(user), f"the login of {user} to be known", 20.0)

    def cloned(self):
        return [each for each in self.bench.api.detections()
                if each["rule"] == "blinding" and each["evidence"].get("kind") == "cloned"]

    def save_state(self):
        saved = os.path.join(self.bench.fleet.directory, "saved-state")
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(self.original.state_directory, saved)
        return saved

    def clone_on_web(self, saved):
        """web becomes gw, with the state, the machine id and the certificate of gw."""
        web, agent = self.bench.fleet["web"], self.bench.agents["web"]
        web.write_file("/etc/machine-id", self.gw.machine_id + "\n", "444")
        agent.install_certificates(self.bench.authority.ca, self.bench.authority, self.gw.machine_id)
        shutil.rmtree(agent.state_directory)
        if saved:
            shutil.copytree(saved, agent.state_directory)
        else:
            os.mkdir(agent.state_directory, 0o700)
        agent.start()
        return agent

    def wait_two(self):
        daemon.wait(lambda: list(self.boots().values()).count("CONNECTED") == 2, "both agents to be connected", 30.0)

    def check_both_are_heard(self):
        """One login on each; what the original says stays its own."""
        self.intruder.enter_gw()
        self.intruder.hop_to_web()
        first, second = self.wait_login("staff"), self.wait_login("deploy")
        self.assertNotEqual(first["host"], second["host"])
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop["proof"] == "PROVEN"],
                    "the hop between the two to be proven", 20.0)
        return first, second

    def test_a_clone_beside_its_original(self):
        saved = self.save_state()
        clone = self.clone_on_web(saved)
        clone.wait_for_log(GOES_ON)
        self.wait_two()
        first, second = self.check_both_are_heard()
        self.assertEqual(first["host"], "hosts/" + re.search(r"watching gw \((\S+)\)", self.original.log()).group(1))
        self.assertIn(second["host"], self.boots())
        self.assertEqual(self.machine()["host_name"], "gw", "the original is shown under its own name")
        self.assertIn(SUSPECTED, self.degradations())
        daemon.wait(lambda: {each["session"] for each in self.cloned()} >= {first["name"], second["name"]},
                    "whoever is logged in to be suspected, on both", 20.0)
        self.assertIn(self.cloned()[0]["severity"], ("MEDIUM", "HIGH"))
        self.assertFalse(re.search("another agent speaks|no stream to", self.original.log()), "the original is disturbed")
        self.assertFalse(re.search("the worker (was|exited)", clone.log()), "the replaced worker is nobody's victim")
        # It goes on as what it has become, however often it is started; so does the original.
        boots = set(self.boots())
        for agent in (clone, self.original):
            agent.kill()
            agent.start()
            wait_processes(agent)
            self.wait_two()
        self.assertEqual(set(self.boots()), boots)

    def test_a_clone_without_any_state(self):
        """Whoever has stolen a certificate, and knows the boot id."""
        clone = self.clone_on_web(None)
        clone.wait_for_log(GOES_ON)
        self.wait_two()
        self.check_both_are_heard()
        self.assertIn(SUSPECTED, self.degradations())
        self.assertFalse(re.search("another agent speaks", self.original.log()), "the original had to go")

    def test_the_clone_comes_while_the_original_sleeps(self):
        """The original's machine is suspended: the clone is taken for it. Waking up, the original is the second."""
        saved = self.save_state()
        pids = wait_processes(self.original)
        self.bench.fleet["gw"].run(["sh", "-c", "kill -STOP " + " ".join(map(str, pids.values()))])
        clone = self.clone_on_web(saved)
        daemon.wait(lambda: re.search("connected to", clone.log()), "the clone to be connected", 20.0, clone.failed)
        self.bench.fleet["gw"].run(["sh", "-c", "kill -CONT " + " ".join(map(str, pids.values()))])
        self.original.wait_for_log(GOES_ON, 40.0)
        self.wait_two()
        self.check_both_are_heard()
        self.assertIn(SUSPECTED, self.degradations())

    def test_a_reverted_snapshot(self):
        """There is but one agent, whose state is that of an earlier moment."""
        self.intruder.enter_gw()
        before = self.wait_login("staff")
        saved = self.save_state()
        self.bench.restart_agent("gw")
        time.sleep(1.0)  # so that it has said more
        self.original.kill()
        shutil.rmtree(self.original.state_directory)
        shutil.copytree(saved, self.original.state_directory)
        self.original.start()
        self.original.wait_for_log(GOES_ON)
        daemon.wait(lambda: sorted(self.boots().values()) == ["CONNECTED", "DISCONNECTED"],
                    "it to be connected as a boot of its own", 30.0)
        self.assertEqual(self.machine()["state"], "CONNECTED")
        self.assertIn(SUSPECTED, self.degradations())
        # The session that is open is reported anew, and what happens goes on being seen.
        daemon.wait(lambda: [each for each in self.bench.api.sessions() if each["user"] == "staff"
                             and each["logged_in"] and each["host"] != before["host"]],
                    "the open session to be reported under the new boot", 20.0)
        daemon.wait(self.cloned, "whoever is logged in to be suspected", 20.0)
        self.bench.agents["web"].start()
        self.bench.wait_connected(["web"])
        self.intruder.hop_to_web()
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop["proof"] == "PROVEN"],
                    "the hop to be proven", 20.0)
        boots = set(self.boots())
        self.original.kill()
        self.original.start()
        wait_processes(self.original)
        daemon.wait(lambda: "CONNECTED" in self.boots().values(), "it to come back", 20.0)
        self.assertEqual(set(self.boots()), boots, "no third one")
