"""The main story, undisturbed: one incident, the correct path, the page, a client with reflection only, the command
line."""

import json
import os
import subprocess
import sys

import bench
import daemon
import fleet as fleets
import lab_test_case
import namespaces
import product
import story

REFLECTION_CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reflection_client.py")


class PlayedStory(lab_test_case.LabTestCase):
    """Base class: plays the story once. PagerDuty's first two answers are errors."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.bench.pagerduty.fail_next(429, 500, retry_after=1)
        cls.watch = story.IncidentWatch(cls.bench.api)
        cls.addClassCleanup(cls.watch.close)
        cls.story = story.Story(cls.bench.fleet, cls.transcript())
        cls.addClassCleanup(cls.story.close)
        cls.story.play()
        story.wait_for_incident(cls.bench.api)
        daemon.wait(lambda: story.settled(cls.bench.api), "the incident to stop changing", 30.0)
        cls.incident = cls.bench.api.incidents()[0]


class PlainStory(PlayedStory):
    """These tests only read."""

    def test_incident_and_path_are_correct(self):
        incident, path = story.check_all(self, self.bench.api, self.story)
        self.assertIn(incident["severity"], ("HIGH", "CRITICAL"))
        self.assertEqual(incident["state"], "OPEN")
        self._measure(path)

    def _measure(self, path):
        last = path["steps"][-1]
        arrived = self.watch.first_with(last["session"]["name"])
        self.assertIsNotNone(arrived, "the watch received no incident with the last hop")
        accepted = story.seconds(last["hop"]["server"]["establish_time"])
        delay = arrived - accepted
        self.measure("last hop's accept to the updated incident", f"{delay:.3f} s")
        self.measure("last login (sshd's log) to the updated incident",
                     f"{arrived - self.story.intruder.steps[-1].accepted_at:.3f} s")
        hosts = self.bench.api.hosts()
        self.measure("records lost", sum(int(host["lost"]) for host in hosts.values()))
        self.measure("kernel records read", sum(int(host["events"]) for host in hosts.values()))
        for name, agent in self.bench.agents.items():
            now, most = agent.memory()
            self.measure(f"memory of the agent on {name}", f"{now / 1024:.1f} MiB now, {most / 1024:.1f} MiB at most")
        now, most = self.bench.collector.memory()
        self.measure("memory of the collector", f"{now / 1024:.1f} MiB now, {most / 1024:.1f} MiB at most")

    def test_client_with_reflection_only_reads_the_path(self):
        """The client is written in Python and has only an address and a reader's certificate."""
        authority, (certificate, key) = self.bench.authority, self.bench.reader
        done = subprocess.run(
            ["nsenter", f"--net={namespaces.path_of(self.bench.fleet.namespace('mgmt'))}", "--", sys.executable,
             REFLECTION_CLIENT, product.ADDRESS, "--ca", authority.ca, "--certificate", certificate, "--key", key],
            capture_output=True, text=True, timeout=30, env=namespaces.CLEAN_ENVIRONMENT)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertIn("grpc.health.v1.Health", found["services"])
        self.assertIn("hoptrail.v1.DetectionService", found["services"])
        self.assertEqual([each["name"] for each in found["incidents"]], [self.incident["name"]])
        story.check_path(self, found["paths"][0], self.story.intruder.steps)

    def test_command_line_shows_the_path(self):
        line = self.bench.command_line(self.bench.reader)
        short = self.incident["name"].split("/")[1][:12]
        tree = line.text("path", short)
        places = [tree.find(host) for host in story.PATH_HOSTS]
        self.assertTrue(all(place >= 0 for place in places), tree)
        for step in self.story.intruder.steps:
            self.assertIn(step.user, tree)
            self.assertIn(step.fingerprint, tree)
            self.assertIn(step.client_address, tree)
        self.assertIn("proven", tree.lower())
        self.assertIn("brute-force", tree)
        for name in fleets.AGENT_HOSTS:
            self.assertIn(name, line.text("hosts"))
        self.assertIn("admin", line.text("sessions", "--all"))
        self.assertIn("brute-force", line.text("detections"))
        self.assertIn(short[:8], line.text("incidents"))
        for command in (["hosts"], ["sessions"], ["detections"], ["incidents"], ["path", short]):
            line.json(*command)
        self.assertIn("digraph", line.run("path", short, output="dot").stdout)

    def test_command_line_tables_fit_the_terminal(self):
        line = self.bench.command_line(self.bench.reader)
        short = self.incident["name"].split("/")[1][:12]
        for columns in (60, 80, 120):
            for command in (["hosts"], ["sessions", "--all"], ["detections"], ["incidents"], ["path", short],
                            ["hosts", "gw"], ["hosts", "--coverage"]):
                with self.subTest(columns=columns, command=command):
                    shown = line.on_terminal(columns, *command)
                    self.assertGreater(len(shown.splitlines()), 1, shown)
                    self.assertEqual([each for each in shown.splitlines() if len(each) > columns], [])
                    self.assertIn("XYZ", shown, "the time zone is not named")
        self.assertIn("UTC", line.on_terminal(80, "incidents", "--utc"))
        self.assertGreater(max(map(len, line.on_terminal(60, "hosts", "--wide").splitlines())), 100)

    def test_pagerduty_gets_one_page_after_errors(self):
        """After a 429 and a 500 one page arrives, and its updates have the same key."""
        deliveries = self.bench.pagerduty.wait_until(
            lambda all_of_them: [each for each in all_of_them if each.accepted and "vault" in json.dumps(each.event)])
        self.assertEqual([each.problems for each in deliveries if each.problems], [])
        self.assertEqual([each.status for each in deliveries[:3]], [429, 500, 202])
        accepted = self.bench.pagerduty.accepted()
        self.assertEqual({each.event["event_action"] for each in accepted}, {"trigger"})
        self.assertEqual(len({each.event["dedup_key"] for each in deliveries}), 1, "several pages")
        self.assertEqual({each.event["routing_key"] for each in accepted}, {product.ROUTING_KEY})
        self.assertGreater(deliveries[1].time - deliveries[0].time, 0.9, "Retry-After was not observed")
        last = accepted[-1].event["payload"]
        self.assertIn(last["severity"], ("critical", "error"))
        details = json.dumps(last["custom_details"])
        for step in self.story.intruder.steps:
            self.assertIn(step.host, details)
            self.assertIn(step.user, details)
            self.assertIn(step.fingerprint, details)

    def test_json_lines_have_every_detection(self):
        """The file of `json_output` has one JSON object on each line."""
        def written():
            with open(self.bench.collector.json_path, encoding="utf-8") as file:
                return {line["detection"]["name"] for line in map(json.loads, file) if "detection" in line}

        wanted = set(self.incident["detections"])
        self.assertTrue(wanted)
        daemon.wait(lambda: wanted <= written(), "a line of each detection")


class HandledStory(PlayedStory, lab_test_case.SteppedTestCase):
    """People's actions after the story."""

    def step_1_acknowledge_and_resolve(self):
        self.bench.pagerduty.wait_until(lambda deliveries: any(each.accepted for each in deliveries))
        key = self.bench.pagerduty.accepted()[0].event["dedup_key"]
        line = self.bench.command_line()
        for command, action, state in (("ack", "acknowledge", "ACKNOWLEDGED"), ("resolve", "resolve", "RESOLVED")):
            line.text(command, self.incident["name"])
            deliveries = self.bench.pagerduty.wait_until(
                lambda all_of_them, wanted=action: [each for each in all_of_them if each.accepted
                                                    and each.event["event_action"] == wanted])
            last = [each for each in deliveries if each.event["event_action"] == action]
            self.assertEqual([(each.event["dedup_key"], each.problems) for each in last], [(key, [])])
            incident = self.bench.api.incidents()[0]
            self.assertEqual((incident["state"], incident["changed_by"]), (state, "otto"))

    def step_2_sigterm_ends_programs_with_status_0(self):
        for program in (*self.bench.agents.values(), self.bench.collector):
            with self.subTest(program=program.name):
                self.assertEqual(program.stop(), 0, "\n".join(program.log().splitlines()[-5:]))
