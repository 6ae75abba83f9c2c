"""The stand-in for PagerDuty accepts and refuses the same events as the API."""

import http.client
import json
import socket
import unittest

import pagerduty
import pagerduty_rules


def good_event(**changes):
    event = {
        "routing_key": "0123456789abcdef0123456789abcdef",
        "event_action": "trigger",
        "dedup_key": "hoptrail/incidents/0011",
        "client": "Hoptrail",
        "client_url": "https://hoptrail.example/",
        "payload": {"summary": "staff crosses gw, web, db", "source": "gw", "severity": "critical",
                    "timestamp": "2026-01-02T03:04:05.123456789Z", "component": "sshd", "group": "fleet",
                    "class": "multi-hop", "custom_details": {"path": ["gw", "web"]}},
        "links": [{"href": "https://hoptrail.example/1", "text": "the path"}],
        "images": [{"src": "https://hoptrail.example/1.png", "href": "https://hoptrail.example/", "alt": "tree"}],
    }
    event.update(changes)
    return {name: value for name, value in event.items() if value is not ...}


def payload(**changes):
    merged = dict(good_event()["payload"], **changes)
    return {"payload": {name: value for name, value in merged.items() if value is not ...}}


class Rules(unittest.TestCase):
    def problems(self, **changes):
        return pagerduty_rules.check_event(json.dumps(good_event(**changes)).encode())

    def test_good_events_have_no_problem(self):
        self.assertEqual(self.problems(), [])
        self.assertEqual(self.problems(dedup_key=...), [])
        self.assertEqual(self.problems(dedup_key="k" * 255, **payload(summary="ü" * 1024)), [])
        self.assertEqual(self.problems(**payload(timestamp="2015-07-17T08:42:58.315+00:00")), [])
        for action in ("acknowledge", "resolve"):
            self.assertEqual(self.problems(event_action=action, payload=..., links=..., images=...), [])

    def test_bad_events_have_the_expected_problem(self):
        for changes, words in (
                ({"routing_key": "short"}, "routing_key"),
                ({"routing_key": ...}, "routing_key"),
                ({"event_action": "update"}, "event_action"),
                ({"event_action": "resolve", "dedup_key": ...}, "dedup_key is required"),
                ({"dedup_key": "k" * 256}, "dedup_key has 256"),
                ({"dedup_key": ""}, "dedup_key has 0"),
                ({"dedup_key": 7}, "dedup_key is a int"),
                ({"payload": ...}, "payload is required"),
                ({"incident": 1}, "incident is not a field"),
                (payload(summary="s" * 1025), "1025"),
                (payload(summary=""), "payload.summary is required"),
                (payload(source=...), "payload.source is required"),
                (payload(severity="high"), "payload.severity is 'high'"),
                (payload(severity=...), "payload.severity is required"),
                (payload(timestamp="yesterday"), "timestamp"),
                (payload(timestamp="2026-01-02T03:04:05"), "timestamp"),
                (payload(custom_details="text"), "custom_details is a str"),
                (payload(user="staff"), "payload.user is not a field"),
                ({"links": [{"text": "no address"}]}, "links: href is required"),
                ({"links": {"href": "https://x.example"}}, "links is a dict"),
                ({"images": [{"src": "http://x.example/1.png"}]}, "https"),
                ({"client_url": "hoptrail"}, "client_url")):
            with self.subTest(words=words):
                problems = self.problems(**changes)
                self.assertTrue(any(words in problem for problem in problems), problems)

    def test_bad_bodies_have_the_expected_problem(self):
        self.assertIn("JSON", pagerduty_rules.check_event(b"{")[0])
        self.assertIn("JSON", pagerduty_rules.check_event(b'{"routing_key": NaN}')[0])
        self.assertIn("object", pagerduty_rules.check_event(b"[]")[0])
        self.assertIn("Content-Type", pagerduty_rules.check_event(json.dumps(good_event()).encode(), "text/plain")[0])
        huge = good_event(**payload(custom_details={"path": "x" * (512 * 1024)}))
        self.assertIn("bytes", pagerduty_rules.check_event(json.dumps(huge).encode())[0])


class Server(unittest.TestCase):
    def setUp(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.pagerduty = pagerduty.PagerDuty(listener)
        self.addCleanup(self.pagerduty.close)

    def post(self, event, path="/v2/enqueue"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        self.addCleanup(connection.close)
        connection.request("POST", path, json.dumps(event), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())

    def test_requests_are_answered_and_recorded(self):
        self.pagerduty.fail_next(429, 500, retry_after=3)
        statuses = [self.post(good_event()) for _ in range(3)]
        self.assertEqual([status for status, _, _ in statuses], [429, 500, 202])
        self.assertEqual(statuses[0][1]["Retry-After"], "3")
        self.assertEqual(statuses[2][2], {"status": "success", "message": "Event processed",
                                          "dedup_key": "hoptrail/incidents/0011"})
        status, _, answer = self.post(good_event(routing_key="x"))
        self.assertEqual((status, answer["status"]), (400, "invalid event"))
        self.assertEqual(answer["errors"], ["Length of 'routing_key' is incorrect (should be 32 characters)"])
        self.assertEqual(len(self.pagerduty.deliveries()), 4)
        self.assertEqual(len(self.pagerduty.accepted()), 1)
        self.assertEqual(self.post(good_event(), path="/v1/enqueue")[0], 404)
