"""A host with a certificate of its own that reports what is not true: no path of honest hosts changes, and it is detected."""

import daemon
import fake_agent
import fleet as fleets
import relay
import story
import story_test

MACHINE_ID = "11a4" * 8
SESSION = "5" * 32


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
        cls.agent.send({"batch": {"records": [cls.agent.session_record(1, SESSION)]}})
        cls.agent.next("acknowledgement")

    def test_claims_of_proven_hops_change_no_path_and_are_detected(self):
        before = self.bench.api.path(self.incident["name"])
        hops = [step["hop"] for step in before["steps"] if step["hop"]["proof"] == "PROVEN"]
        self.assertEqual(len(hops), 3)
        records = []
        for side in ("client", "server"):
            for hop in hops:
                records.append({"sequence": len(records) + 2, "hop_end": {
                    **hop[side], "host": self.agent.host, "session": f"sessions/{SESSION}",
                    "opened_session": side == "server"}})
        self.agent.send({"batch": {"records": records}})

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
        self.agent.send({"batch": {"records": [{"sequence": 100, "hop_end": {
            **entry, "side": "CLIENT", "host": self.agent.host, "session": f"sessions/{SESSION}",
            "opened_session": False}}]}})

        def claimed():
            return next((hop for hop in self.bench.api.hops()
                         if (hop.get("client") or {}).get("hop_key") == entry["hop_key"]), None)

        hop = daemon.wait(claimed, "the claim", 30.0)
        self.assertEqual(hop["proof"], "INFERRED")
        self.assertLessEqual(hop["probability"], 0.6)
        self.assertFalse(self.bench.api.path(self.incident["name"])["proven"])
