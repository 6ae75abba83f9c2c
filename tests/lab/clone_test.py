"""Two agents that hold one identity: a clone that was resumed, a snapshot that was reverted, a stolen certificate.
Neither blocks the other, the collector accepts records from both, and there is a detection."""

import os
import re
import shutil
import time

import grpc

import bench
import daemon
import fake_agent
import fleet as fleets
import intruder
import lab_test_case
import relay
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
        """The states of the machine's boots by name."""
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
        """Turns web into a clone of gw, with the state, the machine id and the certificate of gw."""
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

    def check_both_report(self):
        """Logs in on both; each session belongs to a host of its own."""
        self.intruder.enter_gw()
        self.intruder.hop_to_web()
        first, second = self.wait_login("staff"), self.wait_login("deploy")
        self.assertNotEqual(first["host"], second["host"])
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop["proof"] == "PROVEN"],
                    "the hop between the two to be proven", 20.0)
        return first, second

    def test_clone_beside_running_original_gets_own_boot(self):
        saved = self.save_state()
        clone = self.clone_on_web(saved)
        clone.wait_for_log(GOES_ON)
        self.wait_two()
        first, second = self.check_both_report()
        self.assertEqual(first["host"], "hosts/" + re.search(r"watching gw \((\S+)\)", self.original.log()).group(1))
        self.assertIn(second["host"], self.boots())
        self.assertEqual(self.machine()["host_name"], "gw", "the original is shown under its own name")
        self.assertIn(SUSPECTED, self.degradations())
        daemon.wait(lambda: {each["session"] for each in self.cloned()} >= {first["name"], second["name"]},
                    "a detection for each logged-in session, on both hosts", 20.0)
        self.assertIn(self.cloned()[0]["severity"], ("MEDIUM", "HIGH"))
        self.assertFalse(re.search("another agent speaks|no stream to", self.original.log()), "original disturbed")
        self.assertFalse(re.search("the worker (was|exited)", clone.log()), "the replaced worker counts as killed")
        # Both keep their identities across restarts.
        boots = set(self.boots())
        for agent in (clone, self.original):
            agent.kill()
            agent.start()
            wait_processes(agent)
            self.wait_two()
        self.assertEqual(set(self.boots()), boots)

    def test_clone_without_state_gets_own_boot(self):
        """As of a thief of the certificate who knows the boot id."""
        clone = self.clone_on_web(None)
        clone.wait_for_log(GOES_ON)
        self.wait_two()
        self.check_both_report()
        self.assertIn(SUSPECTED, self.degradations())
        self.assertFalse(re.search("another agent speaks", self.original.log()), "the original was displaced")

    def test_clone_connects_while_original_is_suspended_original_gets_own_boot(self):
        """The clone is accepted as the original. When the original continues, it is the second agent."""
        saved = self.save_state()
        pids = wait_processes(self.original)
        # The supervisor first: it continues the others.
        stopped = [pids.pop("supervisor"), *pids.values()]
        self.bench.fleet["gw"].run(["sh", "-c", "kill -STOP " + " ".join(map(str, stopped))])
        clone = self.clone_on_web(saved)
        daemon.wait(lambda: re.search("connected to", clone.log()), "the clone to be connected", 20.0, clone.failed)
        self.bench.fleet["gw"].run(["sh", "-c", "kill -CONT " + " ".join(map(str, stopped))])
        self.original.wait_for_log(GOES_ON, 40.0)
        self.wait_two()
        self.check_both_report()
        self.assertIn(SUSPECTED, self.degradations())

    def test_reverted_snapshot_gets_own_boot(self):
        """There is only one agent, with the state of an earlier moment."""
        self.intruder.enter_gw()
        before = self.wait_login("staff")
        saved = self.save_state()
        self.bench.restart_agent("gw")
        time.sleep(1.0)  # so that it has sent more records
        self.original.kill()
        shutil.rmtree(self.original.state_directory)
        shutil.copytree(saved, self.original.state_directory)
        self.original.start()
        self.original.wait_for_log(GOES_ON)
        daemon.wait(lambda: sorted(self.boots().values()) == ["CONNECTED", "DISCONNECTED"],
                    "the agent to be connected as a boot of its own", 30.0)
        self.assertEqual(self.machine()["state"], "CONNECTED")
        self.assertIn(SUSPECTED, self.degradations())
        # The open session is reported again, and new activity is still seen.
        daemon.wait(lambda: [each for each in self.bench.api.sessions() if each["user"] == "staff"
                             and each["logged_in"] and each["host"] != before["host"]],
                    "the open session to be reported under the new boot", 20.0)
        daemon.wait(self.cloned, "a detection for the logged-in session", 20.0)
        self.bench.agents["web"].start()
        self.bench.wait_connected(["web"])
        self.intruder.hop_to_web()
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop["proof"] == "PROVEN"],
                    "the hop to be proven", 20.0)
        boots = set(self.boots())
        self.original.kill()
        self.original.start()
        wait_processes(self.original)
        daemon.wait(lambda: "CONNECTED" in self.boots().values(), "the agent to connect again", 20.0)
        self.assertEqual(set(self.boots()), boots, "there is a third boot")

    def liar(self):
        """A stream of somebody who has the certificate of gw, but no state."""
        liar = fake_agent.FakeAgent(self.liars, self.gw.machine_id)
        liar.hello(host_name="gw")
        liar.next("welcome")
        return liar

    def test_liar_that_sends_highest_numbers_does_not_lock_the_original_out(self):
        through = relay.Relay(self.bench.fleet.namespace("mgmt"), (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT))
        self.addCleanup(through.close)
        self.liars = fake_agent.client_with(self.bench.api.client, through.address, self.bench.authority.ca,
                                            self.bench.authority.agent(self.gw.machine_id))
        self.original.kill()
        liar = self.liar()
        liar.send({"batch": {"records": [liar.session_record(2**63 - 1, 1)]}})
        with self.assertRaises(grpc.RpcError) as refused:
            liar.next("acknowledgement")
        self.assertEqual(refused.exception.code().name, "OUT_OF_RANGE")
        highest = int(re.search(r"accepts numbers up to (\d+)", refused.exception.details()).group(1))
        self.assertLess(highest, 2**50)
        liar = self.liar()
        liar.send({"batch": {"records": [liar.session_record(highest, 1)]}})
        self.assertEqual(liar.next("acknowledgement").sequence, highest)
        self.assertEqual(liar.end(), "OK")
        self.assertIn("sequence numbers that it cannot have reached", self.degradations()["CLAIMS_REFUSED"])
        self.original.start()
        self.bench.wait_connected(["gw"])
        self.intruder.enter_gw()
        self.wait_login("staff")
        self.assertGreater(int(self.machine()["acknowledged_sequence"]), highest, "it goes on above the liar")
        self.assertEqual(len(self.boots()), 1)
