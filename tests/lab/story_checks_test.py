"""The story's checks accept correct answers and reject each wrong one, because a check that cannot fail would prove
nothing. The answers are made from this project's own .proto files."""

import copy
import unittest

from google.protobuf import descriptor_pool, json_format, message_factory

import intruder
import reflection_test
import story

STEPS = [
    intruder.Step("gw", "staff", "password", "", "198.51.100.7", 100.5, 2001, 11),
    intruder.Step("web", "deploy", "publickey", "SHA256:web", "10.71.2.1", 101.5, 2002, 12),
    intruder.Step("db", "root", "publickey", "SHA256:db", "10.71.3.10", 102.5, 0, 13),
    intruder.Step("vault", "root", "publickey", "SHA256:vault", "fd71:4::20", 103.5, 0, 14),
]
ADMINISTRATOR = intruder.Step("db", "admin", "publickey", "SHA256:admin", "203.0.113.5", 102.0, 2003, 15)
SERVERS = {"web": ("10.71.1.1", "10.71.2.10"), "db": ("10.71.3.20",) * 2, "vault": ("fd71:4::30",) * 2}


class Answers:
    """A collector's answers after the story, in the form of product.Api's."""

    def __init__(self):
        pool = descriptor_pool.DescriptorPool()
        for file in reflection_test.describe():
            pool.AddSerializedFile(file.SerializeToString())
        self._pool, self._factory = pool, message_factory.MessageFactory(pool)
        sessions = [self.session(step) for step in STEPS]
        steps = []
        for number, step in enumerate(STEPS):
            server = {"session": sessions[number]["name"], "opened_session": True,
                      "hop_key": sessions[number]["entry_hop_key"], "flow": sessions[number]["entry_flow"]}
            hop = {"server": server}
            if number:
                hop.update(proof="PROVEN", probability=1, client={
                    "session": sessions[number - 1]["name"], "hop_key": server["hop_key"],
                    "program": "/usr/bin/ssh", "flow": {"client": {"address": "10.0.0.1"}, "server": {
                        "address": SERVERS[step.host][0], "port": 22}}})
            steps.append({"session": sessions[number], "parent": number - 1, "depth": number, "hop": hop})
        self.the_path = self.make("Path", name="incidents/1", steps=steps, proven=True)
        self.admin = self.session(ADMINISTRATOR)
        self.the_detections = [
            self.detection(0, "brute-force"), self.detection(0, "pivot"), self.detection(1, "pivot"),
            self.detection(2, "pivot"), self.detection(2, "multi-hop"),
            self.detection(1, "credential-switch", "deploy"), self.detection(2, "credential-switch", "root")]
        self.the_incident = self.make("Incident", name="incidents/1", sessions=[each["name"] for each in sessions],
                                      detections=[each["name"] for each in self.the_detections])

    def make(self, message, **fields):
        made = json_format.ParseDict(fields, self._factory.GetPrototype(
            self._pool.FindMessageTypeByName(f"hoptrail.v1.{message}"))())
        return json_format.MessageToDict(made, preserving_proto_field_name=True, including_default_value_fields=True)

    def session(self, step):
        key = {"key_type": "ED25519", "key_fingerprint": step.fingerprint} if step.fingerprint else {}
        return self.make(
            "Session", name=f"sessions/{step.host}-{step.user}", host_name=step.host, kind="REMOTE", logged_in=True,
            user=step.user, login_uid=step.login_uid, audit_session=step.audit_session,
            entry_hop_key=f"{step.audit_session:016x}", open_time=f"2026-01-02T03:04:{step.audit_session}.123456789Z",
            entry_flow={"client": {"address": step.client_address, "port": 5000}, "server": {"port": 22}},
            authentication={"method": story.METHODS[step.method], "user": step.user, "service": "sshd",
                            "remote_host": step.client_address, "verified": True, **key})

    def detection(self, number, rule, evidence="x"):
        step = STEPS[number]
        return self.make("Detection", name=f"detections/{rule}-{step.host}", rule=rule, incident="incidents/1",
                         session=f"sessions/{step.host}-{step.user}", techniques=["T1021.004"], summary="what it is",
                         evidence={"user": evidence})

    def sessions(self):
        return [*(step["session"] for step in self.the_path["steps"]), self.admin]

    def detections(self):
        return self.the_detections

    def path(self, name):
        if name == self.admin["name"]:
            return self.make("Path", name=name, steps=[{"session": self.admin, "parent": -1}])
        return self.the_path


class Checks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.correct = Answers()
        cls.person = type("Administrator", (), {"step": ADMINISTRATOR})

    def failures_after(self, change):
        """The number of failed checks after the change to the correct answers, failed subtests included."""
        answers = copy.copy(self.correct)
        for name in ("the_path", "the_detections", "the_incident", "admin"):
            setattr(answers, name, copy.deepcopy(getattr(self.correct, name)))
        change(answers)

        class AllChecks(unittest.TestCase):
            def runTest(self):
                story.check_path(self, answers.the_path, STEPS)
                story.check_detections(self, answers, answers.the_incident, answers.the_path)
                story.check_administrator(self, answers, Checks.person, answers.the_path)

        result = unittest.TestResult()
        AllChecks().run(result)
        self.assertEqual(result.errors, [], "a check raised an error")
        return len(result.failures)

    def test_correct_answers_pass(self):
        self.assertEqual(self.failures_after(lambda answers: None), 0)

    def test_wrong_answer_fails(self):
        def step(number, *keys, value):
            def change(answers):
                target = answers.the_path["steps"][number]
                for key in keys[:-1]:
                    target = target[key]
                target[keys[-1]] = value
            return change

        def swap(answers):
            steps = answers.the_path["steps"]
            steps[1], steps[2] = steps[2], steps[1]

        def detect_administrator(answers):
            answers.the_detections.append(dict(answers.the_detections[0], session=answers.admin["name"],
                                               name="detections/other", incident=""))

        for change in (
                step(1, "session", "user", value="root"),
                step(1, "session", "authentication", "method", value="PASSWORD"),
                step(2, "session", "authentication", "key_fingerprint", value="SHA256:web"),
                step(2, "session", "authentication", "verified", value=False),
                step(3, "session", "authentication", "remote_host", value="10.0.0.9"),
                step(0, "session", "audit_session", value=99),
                step(2, "hop", "proof", value="INFERRED"),
                step(2, "hop", "client", "session", value="sessions/db-admin"),
                step(2, "hop", "client", "hop_key", value="0" * 16),
                step(1, "hop", "client", "flow", "server", "address", value="10.71.2.10"),
                step(0, "hop", "client", value={"session": "sessions/x"}),
                step(3, "parent", value=0),
                step(3, "session", "open_time", value="2026-01-02T03:04:00Z"),
                swap,
                detect_administrator,
                lambda answers: answers.the_path["steps"].pop(),
                lambda answers: answers.the_path.update(proven=False),
                lambda answers: answers.the_path["steps"].append(answers.the_path["steps"][3]),
                lambda answers: answers.the_detections.pop(0),
                lambda answers: answers.the_detections[0].update(session=answers.the_detections[2]["session"]),
                lambda answers: answers.the_detections[-1].update(evidence={}, rule="pivot"),
                lambda answers: answers.the_incident["detections"].pop(),
                lambda answers: answers.admin.update(user="root"),
                lambda answers: answers.admin["authentication"].update(key_fingerprint="")):
            with self.subTest(change=getattr(change, "__name__", "") + str(change.__closure__ or "")):
                self.assertGreater(self.failures_after(change), 0, "a wrong answer passed")

    def test_timestamps_are_seconds_since_1970(self):
        self.assertAlmostEqual(story.seconds("2026-01-02T03:04:05.123456789Z"), 1767323045.123456789, places=6)
        self.assertEqual(story.seconds("2026-01-02T03:04:05Z"), 1767323045)
