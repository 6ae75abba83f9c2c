"""Garbage on the port and on the stream: its sender gets an error, and other agents are not disturbed."""

import os
import socket

import bench
import daemon
import fake_agent
import fleet as fleets
import lab_test_case
import relay

MACHINE_ID = "0ddba11" * 4 + "0000"
SESSION, SENT_TWICE = 12, 11


class BadInput(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.relay = relay.Relay(cls.bench.fleet.namespace("mgmt"), (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT))
        cls.addClassCleanup(cls.relay.close)
        cls.certificate = cls.bench.authority.agent(MACHINE_ID)
        # A real agent that stays connected, to see that others are not disturbed.
        cls.bench.agents["gw"].start()
        cls.bench.wait_connected(["gw"])
        cls.started = cls.bench.api.hosts()["gw"]["agent_start_time"]

    def silent_agent(self):
        """A stream of the fake host on which nothing has been sent yet."""
        client = fake_agent.client_with(self.bench.api.client, self.relay.address, self.bench.authority.ca,
                                       self.certificate)
        return fake_agent.FakeAgent(client, MACHINE_ID)

    def agent(self):
        """A stream of the fake host after hello and welcome."""
        agent = self.silent_agent()
        agent.hello()
        agent.acknowledged = int(agent.next("welcome").acknowledged_sequence)  # the collector skips these records
        return agent

    def tearDown(self):
        host = self.bench.api.hosts()["gw"]
        self.assertEqual((host["state"], host["agent_start_time"]), ("CONNECTED", self.started),
                         "another agent was disturbed")
        self.assertTrue(self.bench.collector.running())

    def test_garbage_on_port_leaves_collector_running(self):
        for number in range(40):
            with socket.create_connection(("127.0.0.1", self.relay.port)) as connection:
                connection.sendall((os.urandom(2000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"")[number % 4])
        self.assertTrue(self.bench.api.answers())
        self.assertEqual(self.agent().end(), "OK")

    def test_silent_connections_do_not_block_an_agent(self):
        silent = [socket.create_connection(("127.0.0.1", self.relay.port)) for _ in range(50)]
        try:
            self.assertEqual(self.agent().end(), "OK")
        finally:
            for connection in silent:
                connection.close()

    def test_malformed_message_ends_stream(self):
        agent = self.agent()
        agent.send(b"\xff\xff\xff\xff not a protobuf message")
        self.assertIn(agent.status(), ("INVALID_ARGUMENT", "INTERNAL"))

    def test_record_with_impossible_name_ends_stream(self):
        """The messages are well-formed, but their names are not possible."""
        for changes in ({"name": "sessions/short"}, {"name": "../../etc/passwd"}, {"name": ""},
                        {"host": "hosts/nonsense"}):
            with self.subTest(changes=changes):
                agent = self.agent()
                agent.send({"batch": {"records": [
                    agent.session_record(agent.acknowledged + 1, SESSION, **changes)]}})
                self.assertIn(agent.status(), ("INVALID_ARGUMENT", "PERMISSION_DENIED"))

    def test_message_before_hello_ends_stream(self):
        for what in ("batch", "nothing"):
            with self.subTest(what=what):
                agent = self.silent_agent()
                agent.send({"batch": {"records": [agent.session_record(5, SESSION)]}} if what == "batch" else b"")
                self.assertIn(agent.status(), ("INVALID_ARGUMENT", "FAILED_PRECONDITION"))

    def test_second_hello_ends_stream(self):
        agent = self.agent()
        agent.hello()
        self.assertIn(agent.status(), ("INVALID_ARGUMENT", "FAILED_PRECONDITION"))

    def test_oversized_batch_ends_stream(self):
        agent = self.agent()
        agent.send({"batch": {"records": [agent.session_record(number, number)
                                          for number in range(1, 1102)]}})
        self.assertEqual(agent.status(), "RESOURCE_EXHAUSTED")
        agent = self.agent()
        agent.send({"batch": {"records": [agent.session_record(7, SESSION, program="/" + "x" * (8 << 20))]}})
        self.assertEqual(agent.status(), "RESOURCE_EXHAUSTED")
        self.assertNotIn(agent.session(SESSION), str(self.bench.api.sessions()))

    def test_batch_sent_again_counts_once(self):
        """The same records are sent twice on one stream, and again on a second stream."""
        for _ in range(2):
            agent = self.agent()
            for _ in range(2):
                agent.send({"batch": {"records": [agent.session_record(9, SENT_TWICE)]}})
            daemon.wait(lambda: self._durable() >= 9, "the record to be durable")
            agent.end()
        sessions = [each for each in self.bench.api.sessions() if each["name"] == agent.session(SENT_TWICE)]
        self.assertEqual(len(sessions), 1)

    def _durable(self):
        hosts = self.bench.api.client.call("hoptrail.v1.FleetService/ListHosts")["hosts"]
        return max(int(host["acknowledged_sequence"]) for host in hosts if MACHINE_ID in host["name"])

    def test_second_stream_of_a_host_ends_the_first(self):
        first = self.agent()
        second = self.agent()
        self.assertEqual(first.status(), "ABORTED")
        self.assertEqual(second.end(), "OK")
