"""Proxies between the collector and PagerDuty lose no page: only the API's acceptance ends a delivery."""

import itertools

import bench
import daemon
import fake_agent
import lab_test_case

MACHINE_ID = "9a6e5" * 6 + "00"
PAGE = "<html><title>Sign in to the proxy</title></html>"


class PageDelivery(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.agent = fake_agent.FakeAgent(cls.bench.api.client, MACHINE_ID, patience=120.0)
        cls.agent.hello()
        cls.agent.next("welcome")
        cls.sequences = itertools.count(1)

    def intrude(self):
        """Sends a detection that is severe enough for a page; returns its incident."""
        session_sequence, sequence = next(self.sequences), next(self.sequences)
        session = self.agent.session_record(session_sequence, session_sequence)
        detection = self.agent.detection(session_sequence)
        self.agent.send({"batch": {"records": [session, {"sequence": sequence, "detection": detection}]}})
        return daemon.wait(lambda: self.incident(detection["session"]), "the incident")

    def incident(self, root):
        return next((each for each in self.bench.api.incidents() if each["root"] == root), None)

    def delivery(self, incident):
        answer = self.bench.api.client.call("hoptrail.v1.DetectionService/GetIncident", {"name": incident["name"]})
        return answer["deliveries"][0] if answer["deliveries"] else {}

    def test_wrong_answers_page_is_tried_until_accepted(self):
        answers = (302, 403, 408, 200)
        self.bench.pagerduty.fail_next(*answers, page=PAGE)
        incident = self.intrude()
        failed = daemon.wait(lambda: next((each for each in [self.delivery(incident)]
                                           if each.get("state") == "RETRYING" and "403" in each["last_error"]), None),
                             "the incident to show that its page was refused", 30.0)
        self.assertEqual(failed["notifier"], "pagerduty")
        self.assertGreaterEqual(failed["attempts"], 2)
        self.assertIn("Sign in to the proxy", failed["last_error"])
        self.assertIn("next_attempt_time", failed)
        self.bench.collector.wait_for_log("was not accepted, again in .*HTTP 403")

        def of_incident(all_):
            return [each for each in all_ if each.event and each.event["dedup_key"] == incident["name"]]

        seen = of_incident(self.bench.pagerduty.wait_until(lambda all_: len(of_incident(all_)) > len(answers), 60.0))
        self.assertEqual([each.status for each in seen], [*answers, 202])
        self.assertEqual([each.accepted for each in seen], [False] * len(answers) + [True])
        daemon.wait(lambda: self.delivery(incident)["state"] == "DELIVERED", "the incident to show the delivery")
        self.assertEqual(self.delivery(incident)["attempts"], len(answers) + 1)

    def test_refused_event_is_sent_as_title_and_delays_no_other(self):
        """The API accepts only the event's title."""
        first = []

        def condition(event):
            if not first:
                first.append(event["dedup_key"])
            return event["dedup_key"] == first[0] and "custom_details" in event["payload"]

        self.bench.pagerduty.refuse(condition)
        refused = self.intrude()
        self.bench.pagerduty.wait_until(lambda all_: any(each.status == 400 for each in all_), 30.0)
        other = self.intrude()
        self.bench.pagerduty.wait_until(
            lambda all_: {each.event["dedup_key"] for each in all_ if each.accepted}
            >= {refused["name"], other["name"]}, 60.0)
        daemon.wait(lambda: self.delivery(refused)["state"] == "DELIVERED", "the incident to show the delivery")
        self.assertIn("only its title", self.delivery(refused)["last_error"])
        self.assertEqual(self.delivery(other)["last_error"], "")
