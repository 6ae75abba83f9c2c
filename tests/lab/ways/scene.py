"""The base of the scenes of ways to cross: somebody is logged in to web and crosses db to vault.

The intruder comes from outside over gw to web, as deploy. An innocent administrator is logged in to db all the time.
Each scene then uses one way through db, which ends in a login as root on vault, and checks the exact line of sessions
that the product shows to that login.
"""

import contextlib
import json
import os
import time

import bench
import daemon
import fleet as fleets
import intruder
import lab_test_case
import units

DB = "10.71.3.20"  # as web sees it
WEB = "10.71.3.10"  # as db sees it
SSH_TO_VAULT = f"{intruder.SSH} -6 -i /srv/id_vault root@vault"
PROVEN, INFERRED = "PROVEN", "INFERRED"


class Scene(units.UnitTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.db, cls.web, cls.vault = (cls.bench.fleet[name] for name in ("db", "web", "vault"))
        transcript = cls.transcript()
        cls.intruder = intruder.Intruder(cls.bench.fleet, transcript)
        cls.addClassCleanup(cls.intruder.close)
        cls.intruder.enter_gw()
        cls.intruder.hop_to_web()
        cls.shell = cls.intruder._web
        cls.administrator = intruder.Administrator(cls.bench.fleet, transcript)
        cls.addClassCleanup(cls.administrator.leave)
        cls.administrator.enter_db()
        with open(cls.bench.fleet.keys["db-to-vault"].private, encoding="utf-8") as file:
            key = file.read()
        cls.db.write_file("/srv/id_vault", key, "600")
        cls.line = cls.bench.command_line(cls.bench.reader)

    def serve(self, host, unit, command, port):
        """Starts a daemon as a unit of the service manager, and waits until it listens."""
        log = open(os.path.join(self.directory(), f"{unit}.log"), "ab")
        self.addCleanup(log.close)
        process = self.start(host, command, self.group(host.name, "system.slice", unit), stdout=log, stderr=log)
        self.wait_listening(host, port)
        return process

    @staticmethod
    def wait_listening(host, port):
        def listens():
            tables = host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]).stdout
            return any(f":{port:04X} " in line and " 0A " in line for line in tables.splitlines())

        daemon.wait(listens, f"port {port} of {host.name} to be listened on", 15.0)

    def vault_logins(self):
        return {each["name"]: each for each in self.bench.api.sessions()
                if each["host_name"] == "vault" and each["logged_in"]}

    @contextlib.contextmanager
    def one_login_on_vault(self, patience=30.0):
        """What happens inside ends in one new login on vault: `self.login` is its session."""
        before = set(self.vault_logins())
        yield
        found = daemon.wait(lambda: [each for name, each in self.vault_logins().items() if name not in before],
                            "a login on vault", patience)
        self.assertEqual(len(found), 1, found)
        self.login = found[0]

    def line_to(self, session):
        """The steps from the root to that session: (host, title, grade). A step's grade is that of its link to the step
        before."""
        path = self.bench.api.path(session["name"])
        steps = path["steps"]
        at = next(i for i, step in enumerate(steps) if step["session"]["name"] == session["name"])
        line = []
        while at >= 0:
            step = steps[at]
            grade = step["proof"] if not step["link"] else f"{step['link']}: {step['proof']}"
            line.insert(0, (step["session"]["host_name"], step["session"]["title"], grade))
            at = step["parent"]
        self.steps = path["steps"]
        self.proven = path["proven"]
        return line

    def check_line(self, way, expected, patience=15.0):
        """Waits until the line to the login on vault is the expected one."""
        deadline = time.monotonic() + patience
        while (line := self.line_to(self.login)) != expected and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(line, expected, json.dumps([step["hop"] for step in self.steps], indent=1))
        certain = all(grade.endswith((PROVEN, "UNSPECIFIED")) for _, _, grade in expected)
        # The tree has the ways of other scenes, too: it is certain as a whole, or not.
        self.assertEqual(self.proven, all(step["proof"] == PROVEN for step in self.steps[1:]))
        tree = self.line.text("path", self.login["name"])
        self.assertEqual("every hop PROVEN" in tree, self.proven, tree)
        self.check_incident(self.steps[0]["session"]["name"])
        with open(os.path.join(self.directory(), "ways.jsonl"), "a", encoding="utf-8") as file:
            row = {"way": way, "grade": "proven" if certain else "inferred", "test": self.id().partition(".")[2]}
            print(json.dumps(row), file=file)

    def check_incident(self, root):
        """One incident has the login, and it is that of the true source."""
        def found():
            return [each for each in self.bench.api.incidents() if self.login["name"] in each["sessions"]]

        incidents = daemon.wait(found, "an incident with the login on vault", 10.0)
        self.assertEqual([each["root"] for each in incidents], [root])

    def in_line(self, *middle, last=PROVEN):
        """The line through gw and web, the given steps, and the login on vault."""
        return [("gw", "staff", "PROOF_UNSPECIFIED"), ("web", "deploy", PROVEN), *middle, ("vault", "root", last)]
