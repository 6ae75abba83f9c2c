"""Real logins to Debian 13's OpenSSH, which has sshd for the listener, and sshd-session and sshd-auth for each
connection. It runs in a container that starts after the agent. The agent reports the logins and the hop onward
correctly."""

import concurrent.futures
import os
import re
import shutil

import accounts
import bench
import daemon
import fleet as fleets
import intruder
import lab_test_case
import namespaces
import story
import trixie

HOST = "db"
USER = "staff"
PASSWORD = "correct-horse"
GUESSES = 5
CLIENT = "web"
OPTIONS = ["-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
           "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10"]
PORT = ["-p", str(trixie.PORT)]
WHO = "id -un; cat /proc/self/loginuid; echo; cat /proc/self/sessionid; echo"


class SplitSshd(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        for agent in cls.bench.agents.values():
            agent.config["hops"] = {"watched_ports": [22, trixie.PORT, trixie.QUIET_PORT]}
            agent.start()
        cls.bench.wait_connected()
        cls.host, cls.client = cls.bench.fleet[HOST], cls.bench.fleet[CLIENT]
        cls.key = os.path.join(cls.bench.fleet.directory, "keys", "to-container")
        namespaces.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.key])
        cls.fingerprint = namespaces.run(["ssh-keygen", "-lf", cls.key]).stdout.split()[1]
        shutil.copy(cls.key, cls.client.path("/root/id_container"))
        with open(cls.key + ".pub", encoding="utf-8") as file:
            cls.container = trixie.Container(cls.host, [
                accounts.User("root", 0, "/root"), accounts.User(USER, 2001, "/home/staff", PASSWORD, [file.read()])])
        cls.measure("sshd of the container", cls.container.version())
        agent = cls.bench.agents[HOST]
        before = len(agent.log())
        cls.container.start()
        daemon.wait(lambda: "attached to" in agent.log()[before:], "the agent to find the container's libraries", 30.0,
                    agent.failed)

    def log_in(self, method, command):
        """Logs in and runs the command; returns the login as it happened, and the command's own output."""
        if method == "publickey":
            login = ["ssh", *OPTIONS, *PORT, "-o", "BatchMode=yes", "-i", "/root/id_container"]
        else:
            login = ["sshpass", "-p", PASSWORD, "ssh", *OPTIONS, *PORT, "-o", "PubkeyAuthentication=no"]
        before = len(self.accepted(method))
        output = self.client.run([*login, f"{USER}@{HOST}", f"{WHO}; {command}"]).stdout.split("\n")
        line = self.accepted(method, before + 1)[-1]
        self.assertRegex(line, r" sshd-session\[\d+\]: ", "the container's sshd is not split")
        address = re.search(r" from (\S+) port", line).group(1)
        self.assertEqual(output[0], USER)
        step = intruder.Step(HOST, USER, method, self.fingerprint if method == "publickey" else "", address,
                             float(line.split()[0]), int(output[1]), int(output[2]), trixie.PORT)
        return step, "\n".join(output[3:])

    def accepted(self, method, count=0):
        return self.host.log.wait_for(rf"Accepted {method} for {USER} ", count=count)

    def session_of(self, step):
        """Waits until the session of a login is reported; returns it."""
        def reported():
            return [each for each in self.bench.api.sessions() if each["host_name"] == HOST and each["logged_in"]
                    and each["audit_session"] == step.audit_session]

        found = daemon.wait(reported, f"the login by {step.method} to be reported", 20.0)
        self.assertEqual(len(found), 1)
        return found[0]

    def hop_of(self, side, session):
        def reported():
            return [hop for hop in self.bench.api.hops() if (hop.get(side) or {}).get("session") == session["name"]
                    and hop.get("client") and hop.get("server")]

        return daemon.wait(reported, f"the hop whose {side} is {session['name']}", 20.0)[0]

    def test_password_login_after_guesses_is_detected(self):
        def guess(number):
            return self.client.run(["sshpass", "-p", f"wrong-{number}", "ssh", *OPTIONS, *PORT, "-o",
                                    "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", f"{USER}@{HOST}",
                                    "true"], check=False)

        with concurrent.futures.ThreadPoolExecutor(GUESSES) as pool:
            for done in pool.map(guess, range(GUESSES)):
                self.assertIn("Permission denied", done.stderr)
        step, _ = self.log_in("password", "true")
        session = self.session_of(step)
        story.check_session(self, session, step)
        found = daemon.wait(lambda: [each for each in self.bench.api.detections() if each["rule"] == "brute-force"],
                            "the guesses to be detected", 20.0)
        self.assertEqual([each["session"] for each in found], [session["name"]])

    def test_key_login_and_hop_onward_are_one_path(self):
        self.bench.fleet.keys["db-to-vault"].give_to(self.container, USER, "id_vault")
        step, output = self.log_in("publickey", "ssh -i ~/.ssh/id_vault -o StrictHostKeyChecking=no -o LogLevel=ERROR "
                                 f"-o BatchMode=yes root@{self.address_of_vault()} hostname")
        self.assertEqual(output.strip(), "vault")
        session = self.session_of(step)
        story.check_session(self, session, step)
        entry = self.hop_of("server", session)
        self.assertEqual(entry["proof"], "PROVEN")
        self.assertTrue(entry["server"]["opened_session"])
        self.assertEqual(entry["server"]["hop_key"], session["entry_hop_key"])
        self.assertTrue(entry["client"]["program"].endswith("/ssh"), entry["client"]["program"])
        onward = self.hop_of("client", session)
        self.assertEqual(onward["proof"], "PROVEN")
        path = self.bench.api.path(onward["server"]["session"])["steps"]
        self.assertEqual([each["session"]["host_name"] for each in path][-2:], [HOST, "vault"])
        self.assertEqual(path[-1]["session"]["user"], "root")
        story.check_nothing_lost(self, self.bench.api)

    def test_login_that_is_not_logged_shows_method_and_key(self):
        login = ["ssh", *OPTIONS, "-o", "BatchMode=yes", "-i", "/root/id_container", "-p", str(trixie.QUIET_PORT)]
        self.assertEqual(self.client.run([*login, f"{USER}@{HOST}", "id -un"]).stdout.strip(), USER)

        def reported():
            return [each for each in self.bench.api.sessions() if each["logged_in"] and each["host_name"] == HOST
                    and each.get("entry_flow", {}).get("server", {}).get("port") == trixie.QUIET_PORT]

        session = daemon.wait(reported, "the login to be reported", 20.0)[0]
        self.assertEqual(session["user"], USER)
        authentication = session["authentication"]
        self.assertEqual(authentication["method"], "PUBLIC_KEY")
        self.assertEqual(authentication["key_fingerprint"], self.fingerprint)

    @staticmethod
    def address_of_vault():
        wire = next(wire for wire in fleets.WIRES if wire.right == "vault")
        return wire.right_address.split("/")[0]
