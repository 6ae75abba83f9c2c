"""The collector's disk is full: its answers say so, and no record that the agents hold is lost."""

import contextlib
import os
import subprocess

import bench
import daemon
import fake_agent
import fleet as fleets
import lab_test_case
import relay

MACHINE_ID = "f0111d15c" * 3 + "00000"
STORE_MIB = 8


class FullDisk(lab_test_case.SteppedTestCase):
    """The store is on a small file system of its own."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.collector = cls.bench.collector
        cls.store = cls.collector.store_directory
        cls.collector.stop()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={STORE_MIB}m", "tmpfs", cls.store], check=True)
        cls.addClassCleanup(lambda: subprocess.run(["umount", "--lazy", cls.store], check=True))
        cls.addClassCleanup(cls.collector.kill)
        cls.collector.start()
        cls.relay = relay.Relay(cls.bench.fleet.namespace("mgmt"), (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT))
        cls.addClassCleanup(cls.relay.close)
        cls.certificate = cls.bench.authority.agent(MACHINE_ID)
        cls.sequence = 0

    def fill(self):
        """Fills the file system to the last byte."""
        with contextlib.suppress(OSError), open(os.path.join(self.store, "ballast"), "ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def empty(self):
        os.unlink(os.path.join(self.store, "ballast"))

    def agent(self, patience=15.0):
        client = fake_agent.client_with(self.bench.api.client, self.relay.address, self.bench.authority.ca,
                                       self.certificate)
        agent = fake_agent.FakeAgent(client, MACHINE_ID, patience)
        agent.hello()
        return agent

    def send_sessions(self, agent, count=1, **changes):
        """Sends records of new sessions; returns the highest sequence number."""
        records = []
        for _ in range(count):
            type(self).sequence += 1
            records.append(agent.session_record(self.sequence, self.sequence, **changes))
        agent.send({"batch": {"records": records}})
        return self.sequence

    def send_detection(self, agent):
        """Sends a detection of the newest session that is severe enough for a page."""
        session = self.sequence
        type(self).sequence += 1
        agent.send({"batch": {"records": [{"sequence": self.sequence, "detection": agent.detection(session)}]}})

    def make_full(self, agent):
        """Fills the disk and sends sessions until none is stored any more: the write-ahead log still has some room."""
        self.fill()
        for _ in range(200):
            number = self.send_sessions(agent, 200, program="/usr/sbin/" + "x" * 200)
            try:
                daemon.wait(lambda: self.durable() >= number, "the disk to be full", 2.0)
            except TimeoutError:
                return
        self.fail("the disk does not fill")

    def durable(self):
        hosts = self.bench.api.client.call("hoptrail.v1.FleetService/ListHosts")["hosts"]
        return max([int(host["acknowledged_sequence"]) for host in hosts if MACHINE_ID in host["name"]] or [0])

    def step_1_full_disk_lists_say_store_trouble(self):
        agent = self.agent(patience=120.0)
        agent.next("welcome")
        self.send_sessions(agent, 200)
        daemon.wait(lambda: self.durable() >= self.sequence, "the first records to be durable")
        self.make_full(agent)
        self.send_sessions(agent)
        self.send_detection(agent)
        for call in ("DetectionService/ListIncidents", "DetectionService/ListDetections"):
            with self.subTest(call=call):
                answer = self.bench.api.client.call(f"hoptrail.v1.{call}")
                self.assertIn("store_trouble", answer)
                self.assertEqual(answer["store_trouble"]["kind"], "COLLECTOR_STORE_READ_ONLY")
                self.assertIn("full", answer["store_trouble"]["detail"])

    def step_2_full_disk_earlier_records_can_be_read(self):
        host = self.bench.api.hosts()["fake"]
        self.assertEqual([each["kind"] for each in host["degradations"]], ["COLLECTOR_STORE_READ_ONLY"])
        self.assertGreater(len(self.bench.api.sessions()), 199, "the stored sessions cannot be read")
        first = fake_agent.session_name(fake_agent.host_name(MACHINE_ID), 1)
        self.assertEqual(len(self.bench.api.path(first)["steps"]), 1)
        shown = self.bench.command_line().run("path", first.split("/")[1])
        self.assertEqual(shown.returncode, 3, shown.stderr)
        self.assertIn("something may be missing", shown.stderr)

    def step_3_killed_collector_starts_on_full_disk_and_answers(self):
        self.collector.kill()
        self.collector.start()
        daemon.wait(lambda: "store_trouble" in self.bench.api.client.call("hoptrail.v1.FleetService/ListHosts"),
                    "store_trouble in the answer")
        self.assertGreater(len(self.bench.api.sessions()), 199)

    def step_4_room_again_records_are_stored(self):
        self.empty()
        agent = self.agent(patience=60.0)
        agent.next("welcome")
        self.send_sessions(agent)
        self.send_detection(agent)
        daemon.wait(self.bench.api.incidents, "the incident")
        self.assertNotIn("store_trouble", self.bench.api.client.call("hoptrail.v1.FleetService/ListHosts"))
        # The collector finds at its next health check that it can write again.
        command_line = self.bench.command_line()
        daemon.wait(lambda: command_line.run("detections").returncode == 0, "the command line to exit with status 0")
        self.assertIn("A key was read", command_line.text("detections"))
