"""Roles: they come from the client's certificate, and an agent reports only for its own host."""

import authority as authorities
import bench
import fake_agent
import fleet as fleets
import lab_test_case
import relay

READS = ("hoptrail.v1.DetectionService/ListIncidents", "hoptrail.v1.DetectionService/ListDetections",
         "hoptrail.v1.GraphService/ListSessions", "hoptrail.v1.GraphService/ListHops",
         "hoptrail.v1.FleetService/ListHosts")
CHANGES = ("hoptrail.v1.DetectionService/AcknowledgeIncident", "hoptrail.v1.DetectionService/ResolveIncident")
NO_SUCH_INCIDENT = {"name": "incidents/" + "0" * 32}
MACHINE_ID = "0badcafe" * 4


class Roles(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.relay = relay.Relay(cls.bench.fleet.namespace("mgmt"), (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT))
        cls.addClassCleanup(cls.relay.close)
        cls.authority = cls.bench.authority
        cls.agent_certificate = cls.authority.agent(MACHINE_ID)

    def client(self, certificate=(None, None), authority=None):
        return fake_agent.client_with(self.bench.api.client, self.relay.address, (authority or self.authority).ca,
                                     certificate)

    def outcome(self, certificate, method, request=None):
        client = self.client(certificate)
        return fake_agent.status_of(lambda: client.call(method, request))

    def connect_status(self, certificate, machine_id):
        agent = fake_agent.FakeAgent(self.client(certificate), machine_id)
        agent.hello()
        return fake_agent.status_of(lambda: agent.next("welcome"))

    def test_reader_reads_and_changes_nothing(self):
        for method in READS:
            self.assertEqual(self.outcome(self.bench.reader, method), "OK", method)
        for method in CHANGES:
            self.assertEqual(self.outcome(self.bench.reader, method, NO_SUCH_INCIDENT), "PERMISSION_DENIED", method)
        self.assertEqual(self.connect_status(self.bench.reader, MACHINE_ID), "PERMISSION_DENIED")

    def test_operator_changes_incidents_and_is_no_agent(self):
        for method in CHANGES:
            self.assertEqual(self.outcome(self.bench.operator, method, NO_SUCH_INCIDENT), "NOT_FOUND", method)
        self.assertEqual(self.connect_status(self.bench.operator, MACHINE_ID), "PERMISSION_DENIED")

    def test_agent_reports_and_neither_reads_nor_changes(self):
        for method in READS:
            self.assertEqual(self.outcome(self.agent_certificate, method), "PERMISSION_DENIED", method)
        for method in CHANGES:
            self.assertEqual(self.outcome(self.agent_certificate, method, NO_SUCH_INCIDENT), "PERMISSION_DENIED")
        self.assertEqual(self.connect_status(self.agent_certificate, MACHINE_ID), "OK")

    def test_agent_reporting_for_another_host_is_denied(self):
        self.assertEqual(self.connect_status(self.agent_certificate, "5eedbed5" * 4), "PERMISSION_DENIED")
        agent = fake_agent.FakeAgent(self.client(self.agent_certificate), MACHINE_ID)
        agent.hello()
        agent.next("welcome")
        agent.send({"batch": {"records": [agent.session_record(
            1, 1, host=fake_agent.host_name("5eedbed5" * 4))]}})
        self.assertEqual(agent.status(), "PERMISSION_DENIED")
        self.assertNotIn("a" * 32, str(self.bench.api.sessions()))

    def test_agent_with_another_hosts_certificate_refuses_to_start(self):
        """The agent reports the fault before it loads anything."""
        agent = self.bench.agents["web"]
        agent.install_certificates(self.authority.ca, self.authority, self.bench.fleet["db"].machine_id)
        agent.start()
        self.addCleanup(agent.kill)
        self.assertEqual(agent.process.wait(20), 2, agent.log())
        self.assertIn(f"is for machine {self.bench.fleet['db'].machine_id}; this one is {agent.machine_id}",
                      agent.log())
        self.assertNotIn("web", self.bench.api.hosts())

    def test_certificate_without_role_is_denied(self):
        nobody = self.authority.nobody()
        for method in READS:
            self.assertIn(self.outcome(nobody, method), ("PERMISSION_DENIED", "UNAUTHENTICATED"), method)
        for method in CHANGES:
            self.assertIn(self.outcome(nobody, method, NO_SUCH_INCIDENT), ("PERMISSION_DENIED", "UNAUTHENTICATED"))
        self.assertIn(self.connect_status(nobody, MACHINE_ID), ("PERMISSION_DENIED", "UNAUTHENTICATED"))

    def test_client_without_certificate_or_of_other_authority_is_refused(self):
        self.assertEqual(self.outcome((None, None), READS[0]), "UNAVAILABLE")
        other = authorities.Authority(self.bench.fleet.directory + "/other-certificates")
        self.assertEqual(self.outcome(other.reader("lena"), READS[0]), "UNAVAILABLE")
        mistaken = self.client(self.bench.reader, other)
        self.assertEqual(fake_agent.status_of(lambda: mistaken.call(READS[0])), "UNAVAILABLE",
                         "a client that trusts another authority must not speak to the collector")

    def test_command_line_without_role_reports_permission(self):
        done = self.bench.command_line(self.bench.reader).run("ack", NO_SUCH_INCIDENT["name"])
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "(?i)permission")
