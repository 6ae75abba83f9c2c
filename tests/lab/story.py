"""The main story: an intruder crosses four hosts while an administrator works; and the checks of its result.

`Story` plays it, with a hook before any step for tests that break something in between. The check_… functions compare
the product's answers with the facts (sshd's own log, ssh-keygen's fingerprints, the kernel's login ids).
"""

import datetime
import threading
import time

import daemon
import fleet as fleets
import intruder

STEPS = ("guess_passwords", "enter_gw", "hop_to_web", "leave_web", "administrator_enters", "hop_to_db",
         "administrator_works", "hop_to_vault", "administrator_leaves")
PATH_HOSTS = ["gw", "web", "db", "vault"]
METHODS = {"password": "PASSWORD", "publickey": "PUBLIC_KEY"}


class Story:
    """Plays the steps in order; `before` holds functions to call before some of them, by the step's name."""

    def __init__(self, fleet, log=lambda line: None, before=None):
        before = before or {}
        unknown = set(before) - set(STEPS)
        if unknown:
            raise ValueError(f"the story has no steps {sorted(unknown)}: it has {STEPS}")
        self.intruder = intruder.Intruder(fleet, log)
        self.administrator = intruder.Administrator(fleet, log)
        self._before = before

    def play(self):
        administrator = {"administrator_enters": self.administrator.enter_db,
                         "administrator_works": self.administrator.work,
                         "administrator_leaves": self.administrator.leave}
        for step in STEPS:
            self._before.get(step, lambda: None)()
            (administrator.get(step) or getattr(self.intruder, step))()

    def close(self):
        self.administrator.leave()
        self.intruder.close()


class IncidentWatch:
    """Follows incidents in a thread and records when each update arrived."""

    def __init__(self, api):
        self.updates = []  # (wall time, incident)
        self._answers, self._call = api.client.watch("hoptrail.v1.DetectionService/WatchIncidents")
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        try:
            for answer in self._answers:
                self.updates.append((time.time(), answer["incident"]))
        except Exception:  # the stream ends when the watch is closed or the collector is killed
            pass

    def first_with(self, session):
        """When the first update of an incident with that session on its path arrived, or None."""
        return next((when for when, incident in list(self.updates) if session in incident["sessions"]), None)

    def close(self):
        self._call.cancel()
        self._thread.join(5)


def wait_for_incident(api, timeout=30.0, hopeless=lambda: None):
    """Waits for the incident whose path has reached vault with a login, and returns it."""
    def complete():
        for incident in api.incidents():
            steps = api.path(incident["name"])["steps"]
            arrived = [step for step in steps if step["session"]["host_name"] == PATH_HOSTS[-1]]
            if arrived and arrived[0]["session"]["logged_in"]:
                return incident["name"]
        return None
    name = daemon.wait(complete, "an incident whose path ends on vault", timeout, hopeless)
    return next(incident for incident in api.incidents() if incident["name"] == name)


def check_path(test, path, steps):
    """Checks user, method, key, origin and order of each host's session, and that every hop is proven."""
    found = path["steps"]
    test.assertEqual([step["session"]["host_name"] for step in found], PATH_HOSTS)
    test.assertEqual([step["parent"] for step in found], [-1, 0, 1, 2])
    test.assertEqual([step["depth"] for step in found], [0, 1, 2, 3])
    test.assertTrue(path["proven"], "a hop of the path is not proven")
    test.assertFalse(path["truncated"])
    for number, (step, real) in enumerate(zip(found, steps)):
        with test.subTest(host=real.host):
            check_session(test, step["session"], real)
            check_hop(test, found, number)
    opened = [seconds(step["session"]["open_time"]) for step in found]
    test.assertEqual(opened, sorted(opened), "the sessions are not in the order in which they opened")
    client, server = found[1]["hop"]["client"]["flow"], found[1]["hop"]["server"]["flow"]
    test.assertEqual(client["server"]["address"], fleets.ROUTER_OUTER, "gw's view of the translated connection")
    test.assertEqual(server["client"]["address"], fleets.ROUTER_INNER, "web's view of the translated connection")
    test.assertIn(":", found[3]["hop"]["server"]["flow"]["client"]["address"], "db to vault is IPv6")


def check_session(test, session, real):
    authentication = session["authentication"]
    test.assertEqual(session["kind"], "REMOTE")
    test.assertTrue(session["logged_in"])
    test.assertEqual(session["user"], real.user)
    test.assertEqual(authentication["user"], real.user)
    test.assertEqual(authentication["method"], METHODS[real.method])
    test.assertEqual(authentication["key_fingerprint"], real.fingerprint)
    test.assertEqual(authentication["key_type"], "ED25519" if real.fingerprint else "")
    test.assertEqual(authentication["service"], "sshd")
    test.assertEqual(authentication["remote_host"], real.client_address)
    test.assertTrue(authentication["verified"], "the claims of sshd and PAM were not verified")
    test.assertEqual((session["login_uid"], session["audit_session"]), (real.login_uid, real.audit_session))
    test.assertEqual(session["entry_flow"]["client"]["address"], real.client_address)
    test.assertEqual(session["entry_flow"]["server"]["port"], real.port)


def check_hop(test, steps, number):
    """Checks that the hop that led to a step joins this step's session with its parent's, by one hop key from both
    ends."""
    hop, session = steps[number]["hop"], steps[number]["session"]
    test.assertEqual(hop["server"]["session"], session["name"])
    test.assertTrue(hop["server"]["opened_session"])
    test.assertEqual(hop["server"]["hop_key"], session["entry_hop_key"])
    test.assertRegex(hop["server"]["hop_key"], "^[0-9a-f]{16}$")
    if number == 0:  # the outsider's own machine has no agent
        test.assertFalse(hop.get("client"), "a client's half of the entry from outside the fleet")
        return
    test.assertEqual(hop["proof"], "PROVEN")
    test.assertEqual(hop["probability"], 1.0)
    test.assertEqual(hop["client"]["session"], steps[number - 1]["session"]["name"])
    test.assertEqual(hop["client"]["hop_key"], hop["server"]["hop_key"])
    test.assertTrue(hop["client"]["program"].endswith("/ssh"), hop["client"]["program"])


def check_detections(test, api, incident, path, apart=()):
    """Checks for brute force at gw, the changes of user and the many hops, and that no other session has a
    detection, but for those named in `apart`."""
    detections = [each for each in api.detections() if each["incident"] == incident["name"]]
    test.assertEqual(sorted(incident["detections"]), sorted(each["name"] for each in detections))
    by_rule = {}
    for each in detections:
        by_rule.setdefault(each["rule"], []).append(each)
    sessions = [step["session"]["name"] for step in path["steps"]]
    test.assertEqual([each["session"] for each in by_rule.get("brute-force", [])], sessions[:1], "brute-force at gw")
    test.assertEqual({each["session"] for each in by_rule.get("pivot", [])}, set(sessions[:3]), "pivot on gw, web, db")
    test.assertIn("multi-hop", by_rule)
    switches = " ".join(f"{each['title']} {each['summary']} {each['evidence']}"
                        for each in by_rule.get("credential-switch", []))
    for user in ("deploy", "root"):
        test.assertIn(user, switches, f"the change of user to {user} is not flagged")
    for each in detections:
        test.assertIn(each["session"], sessions, each["summary"])
        test.assertTrue(each["techniques"] and each["summary"] and each["evidence"], each)
    others = [each for each in api.detections() if each["session"] not in sessions and each["name"] not in apart]
    test.assertEqual(others, [], "detections about sessions that are not on the path")


def check_administrator(test, api, administrator, path):
    """Checks the administrator's session: seen with user and key, without a detection, not on the path."""
    sessions = [each for each in api.sessions() if each["host_name"] == "db" and each["user"] == "admin"
                and each["logged_in"]]
    test.assertEqual(len(sessions), 1, "the administrator's sessions on db")
    check_session(test, sessions[0], administrator.step)
    test.assertNotIn(sessions[0]["name"], [step["session"]["name"] for step in path["steps"]])
    test.assertEqual([each["summary"] for each in api.detections() if each["session"] == sessions[0]["name"]], [])
    own = api.path(sessions[0]["name"])["steps"]
    test.assertEqual([step["session"]["name"] for step in own], [sessions[0]["name"]], "the administrator's own path")


def check_nothing_lost(test, api):
    for name, host in api.hosts().items():
        test.assertEqual((int(host["lost"]), host["losses"]), (0, []), f"records lost on {name}")


def check_all(test, api, story, strict=True, killed=""):
    """Checks everything that must be true after the story, whatever disturbed it. `strict` also forbids merged
    incidents: an undisturbed story never makes a second one. `killed`: the host whose agent was killed while nobody
    was logged in there, which is an incident of its own."""
    incident = wait_for_incident(api)
    daemon.wait(lambda: settled(api), "the incident to stop changing", 30.0)
    apart = {each["name"] for each in api.detections()
             if each["rule"] == "blinding" and each["host_name"] == killed}
    test.assertEqual(len(apart), 1 if killed else 0, "agents killed while nobody was logged in")
    incidents = [each for each in api.incidents(merged=strict) if set(each["detections"]) != apart]
    test.assertEqual(len(incidents), 1, "incidents")
    incident = incidents[0]
    path = api.path(incident["name"])
    test.assertEqual(incident["sessions"], [step["session"]["name"] for step in path["steps"]])
    test.assertEqual(incident["root"], path["steps"][0]["session"]["name"])
    check_path(test, path, story.intruder.steps)
    check_detections(test, api, incident, path, apart)
    check_administrator(test, api, story.administrator, path)
    check_nothing_lost(test, api)
    return incident, path


def settled(api, quiet=1.0):
    """Whether no incident changed for `quiet` seconds: late facts may still add to the first result."""
    before = [(each["name"], each["update_time"], each["detections"]) for each in api.incidents()]
    time.sleep(quiet)
    return before == [(each["name"], each["update_time"], each["detections"]) for each in api.incidents()]


def seconds(text):
    """A timestamp in the API's answers, which may have nine fractional digits, as seconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    base = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return base + float("0." + (fraction or "0"))
