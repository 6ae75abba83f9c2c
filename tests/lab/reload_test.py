"""SIGHUP: the agent reads its configuration and certificates again and loses nothing."""

import os
import re
import signal
import time

import authority as authorities
import bench
import daemon
import lab_test_case
from privilege_test import wait_processes
from logins import RootLogin

WITHIN = 60.0
ROUNDS = 5


class Reload(lab_test_case.SteppedTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.agent = cls.bench.agents["db"]
        wait_processes(cls.agent)

    def reload(self):
        """Sends SIGHUP; returns the part of the log that follows."""
        begin = len(self.agent.log())
        os.kill(wait_processes(self.agent)["supervisor"], signal.SIGHUP)
        daemon.wait(lambda: re.search(r"supervisor: (read|the configuration stays)", self.agent.log()[begin:]),
                    "a log line about the reload", WITHIN, self.agent.failed)
        return self.agent.log()[begin:]

    def reload_and_connect(self, name="db"):
        """Reloads and waits until the new worker is connected under that name; returns the log since SIGHUP."""
        before = wait_processes(self.agent)
        log = self.reload()
        after = wait_processes(self.agent, but=before["worker"])
        self.assertEqual({role: after[role] for role in ("supervisor", "loader")},
                         {role: before[role] for role in ("supervisor", "loader")})
        daemon.wait(lambda: self.bench.api.hosts().get(name, {}).get("state") == "CONNECTED", f"{name} to be connected",
                    WITHIN, self.agent.failed)
        return log

    def session_of(self, login):
        return next((each for each in self.bench.api.sessions()
                     if each["audit_session"] == login.audit_session and each["logged_in"]), None)

    def ended(self, login):
        session = self.session_of(login)
        return session if session and "close_time" in session else None

    def step_1_login_during_reload_is_not_lost(self):
        """Somebody logs in during each reload, and logs out again."""
        first = RootLogin(self.bench.fleet)
        self.addCleanup(first.leave)
        before = daemon.wait(lambda: self.session_of(first), "the first session", WITHIN)
        logins = []
        for _ in range(ROUNDS):
            worker = wait_processes(self.agent)["worker"]
            log = self.reload()
            self.assertIn("nothing in it is different", log)
            login = RootLogin(self.bench.fleet)
            logins.append(login)
            wait_processes(self.agent, but=worker)
            login.leave()
        names = set()
        for login in logins:
            session = daemon.wait(lambda login=login: self.ended(login), "a session and its end", WITHIN)
            names.add(session["name"])
            daemon.wait(lambda name=session["name"]: any(
                hop["proof"] == "PROVEN" and hop["server"]["session"] == name for hop in self.bench.api.hops()),
                "its hop", WITHIN)
        self.assertEqual(len(names), ROUNDS)
        self.assertEqual(self.session_of(first)["name"], before["name"])
        self.assertEqual(self.bench.api.hosts()["db"].get("losses", []), [])
        self.assertEqual([each["summary"] for each in self.bench.api.detections() if each["rule"] == "blinding"], [])

    def step_2_bad_file_is_reported_and_not_applied(self):
        pids = wait_processes(self.agent)
        self.agent.config["rules"] = {"pivott": {"disabled": True}}
        self.agent.write_config()
        log = self.reload()
        self.assertRegex(log, r"the configuration stays as it was: /etc/hoptrail/agent\.yaml:\d+: rules\.pivott")
        time.sleep(2)
        self.assertEqual(wait_processes(self.agent), pids)
        del self.agent.config["rules"]

    def step_3_changed_name_is_applied_changed_ring_needs_a_restart(self):
        self.agent.config["host"]["name"] = "database"
        self.agent.config["kernel"] = {"high_ring_kib": 64}
        self.agent.write_config()
        log = self.reload_and_connect("database")
        self.assertRegex(log, "changed: host.name")
        self.assertRegex(log, "not applied before the agent is started again: kernel.high_ring_kib")
        self.agent.config["host"]["name"] = "db"
        del self.agent.config["kernel"]
        self.agent.write_config()
        self.reload_and_connect()

    def step_4_new_certificates_are_applied(self):
        other = authorities.Authority(os.path.join(self.bench.fleet.directory, "other-certificates"))
        self.agent.install_certificates(self.bench.authority.ca, other)
        self.reload()
        daemon.wait(lambda: self.bench.api.hosts()["db"]["state"] != "CONNECTED", "the refusal", WITHIN)
        self.agent.install_certificates(self.bench.authority.ca, self.bench.authority)
        began = time.time()
        self.reload_and_connect()
        self.measure("new certificates to a stream", f"{time.time() - began:.1f} s")

    def step_5_repeated_sighup_ends_no_process(self):
        pids = wait_processes(self.agent)
        for role in ("loader", "worker"):
            os.kill(pids[role], signal.SIGHUP)
        for _ in range(20):
            os.kill(pids["supervisor"], signal.SIGHUP)
        time.sleep(3)
        after = wait_processes(self.agent)
        self.assertEqual({role: after[role] for role in ("supervisor", "loader")},
                         {role: pids[role] for role in ("supervisor", "loader")})
        self.bench.wait_connected(["db"])

    def step_6_rules_switched_off_during_a_login_are_a_medium_detection(self):
        """The detection names the changed settings and the session that was logged in."""
        login = RootLogin(self.bench.fleet)
        self.addCleanup(login.leave)
        session = daemon.wait(lambda: self.session_of(login), "the session", WITHIN)
        self.agent.config["rules"] = {"pivot": {"disabled": True}}
        self.agent.config["kernel"] = {"watch": {"reads": ["/nonexistent"]}}
        self.agent.write_config()
        login.shell.run(f"kill -HUP {wait_processes(self.agent)['supervisor']}")
        weakened = daemon.wait(lambda: [each for each in self.bench.api.detections()
                                        if each["rule"] == "blinding" and each["evidence"]["kind"] == "weakened"],
                               "the detection", WITHIN, self.agent.failed)
        self.assertEqual(len(weakened), 1)
        self.assertEqual((weakened[0]["session"], weakened[0]["severity"]), (session["name"], "MEDIUM"))
        self.assertIn("rules.pivot, kernel.watch", weakened[0]["summary"])
