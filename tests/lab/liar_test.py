"""A host with a certificate of its own that reports what is not true: no path of honest hosts changes, and it is detected."""

import daemon
import fake_agent
import fleet as fleets
import relay
import story
import story_test

MACHINE_ID = "11a4" * 8
SESSION = 5


class Liar(story_test.PlayedStory):
    """Claims ends of the proven hops of the story, whose numbers it knows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relay = relay.Relay(cls.bench.fleet.namespace("mgmt"), (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT))
        cls.addClassCleanup(cls.relay.close)
        client = fake_agent.client_with(cls.bench.api.client, cls.relay.address, cls.bench.authority.ca,
                                        cls.bench.authority.agent(MACHINE_ID))
        cls.agent = fake_agent.FakeAgent(client, MACHINE_ID, patience=120.0)
        cls.agent.hello()
        cls.agent.next("welcome")
        cls.sequence = 0
        cls.report(cls.agent.session_record(1, SESSION))

    @classmethod
    def report(cls, *records):
        """Sends the records and waits until they are acknowledged."""
        for record in records:
            cls.sequence += 1
            record["sequence"] = cls.sequence
        cls.agent.send({"batch": {"records": list(records)}})
        while cls.agent.next("acknowledgement").sequence < cls.sequence:
            pass

    def test_claims_of_proven_hops_change_no_path_and_are_detected(self):
        before = self.bench.api.path(self.incident["name"])
        hops = [step["hop"] for step in before["steps"] if step["hop"]["proof"] == "PROVEN"]
        self.assertEqual(len(hops), 3)
        records = []
        for side in ("client", "server"):
            for hop in hops:
                records.append({"hop_end": {
                    **hop[side], "host": self.agent.host, "session": self.agent.session(SESSION),
                    "opened_session": side == "server"}})
        self.report(*records)

        def detected():
            return next((each for each in self.bench.api.detections() if each["rule"] == "disputed-end"
                         and each["evidence"]["disputed_ends"] == str(len(records))), None)

        detection = daemon.wait(detected, "the detection of all claims", 30.0)
        self.assertEqual(detection["host"], self.agent.host)
        self.assertEqual(detection["severity"], "HIGH")
        after = self.bench.api.path(self.incident["name"])
        self.assertEqual([step["hop"] for step in after["steps"]], [step["hop"] for step in before["steps"]])
        story.check_path(self, after, self.story.intruder.steps)
        claims = [hop for hop in self.bench.api.hops() if hop["contradiction"] == "RIVAL_CLAIM"]
        self.assertEqual(len(claims), len(records), "the claims are kept")
        self.assertEqual({end["host"] for hop in claims for end in (hop.get("client"), hop.get("server")) if end},
                         {self.agent.host})

    def test_client_end_of_an_outsiders_connection_is_not_proven(self):
        """The intruder came to gw from a public address, and has a host's certificate."""
        entry = self.bench.api.path(self.incident["name"])["steps"][0]["hop"]["server"]
        self.report({"hop_end": {**entry, "side": "CLIENT", "host": self.agent.host,
                                 "session": self.agent.session(SESSION), "opened_session": False}})

        def claimed():
            return next((hop for hop in self.bench.api.hops()
                         if (hop.get("client") or {}).get("hop_key") == entry["hop_key"]), None)

        hop = daemon.wait(claimed, "the claim", 30.0)
        self.assertEqual(hop["proof"], "INFERRED")
        self.assertLessEqual(hop["probability"], 0.6)
        self.assertFalse(self.bench.api.path(self.incident["name"])["proven"])

    def refused(self):
        return next((each["detail"] for each in self.bench.api.hosts()["fake"]["degradations"]
                     if each["kind"] == "CLAIMS_REFUSED"), "")

    def test_ids_of_another_host_are_refused_and_shown(self):
        """The id that an honest host's session will have, and a detection on a session of an honest host."""
        honest = self.incident["root"]
        taken = fake_agent.session_name(self.bench.api.hosts()["gw"]["boots"][0]["name"], 1)
        forged = {**self.agent.detection(SESSION), "session": honest,
                  "name": fake_agent.detection_name("brute-force", honest)}
        before = self.bench.api.path(self.incident["name"])
        self.report(self.agent.session_record(0, 1, name=taken), {"detection": forged})
        detail = daemon.wait(self.refused, "the refusals to be shown")
        self.assertIn("1 session under ids that do not derive from it", detail)
        self.assertIn("1 detection on sessions that are not its own", detail)
        self.assertIn("claims refused", self.bench.command_line().text("hosts"))
        self.assertNotIn(taken, [each["name"] for each in self.bench.api.sessions()])
        self.assertNotIn(forged["name"], [each["name"] for each in self.bench.api.detections()])
        self.assertEqual(self.bench.api.path(self.incident["name"]), before)

    def rename(self, name):
        self.report({"health": {"host": self.agent.host, "host_name": name, "agent_version": "0.0.0"}})

    def test_name_of_another_host_is_shown_with_machine_ids(self):
        gw = self.bench.fleet["gw"].machine_id
        self.rename("gw")
        self.addCleanup(self.rename, "fake")
        label, liars = (f"gw ({machine[:8]})" for machine in (gw, MACHINE_ID))

        def renamed():
            return next((each for each in self.bench.api.incidents() if label in each["title"]), None)

        daemon.wait(renamed, "the incident's title to have the machine id")
        hosts = self.bench.api.hosts()
        self.assertLessEqual({label, liars}, set(hosts))
        self.assertNotIn("gw", hosts)
        self.assertIn("HOST_NAME_SHARED", [each["kind"] for each in hosts[liars]["degradations"]])
        self.assertEqual([each["kind"] for each in hosts[label].get("degradations", [])], [])
        command_line = self.bench.command_line()
        for listing in ("hosts", "sessions"):
            self.assertIn(label, command_line.text(listing))
        self.assertIn(label, command_line.text("path", self.incident["name"]))
