"""The people of the story: an intruder who crosses four hosts, and an administrator who does her work.

Each step is a method, so that a test can kill and restart programs between any two hops. Every step checks its own
effect in sshd's log and in the kernel's login ids, because a test against wrong facts would prove nothing.
"""

import concurrent.futures
import dataclasses
import os
import re
import subprocess
import time

import fleet as fleets
import shell

SSH = "ssh -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=10"
WRONG_PASSWORDS = ("123456", "staff", "letmein", "Summer2024", "p4ssw0rd")
UNSET_LOGIN = "4294967295"


@dataclasses.dataclass
class Step:
    """One login as it really happened: the facts that the product must report."""
    host: str
    user: str
    method: str  # in sshd's words: "password" or "publickey"
    fingerprint: str  # empty for a password
    client_address: str  # as the entered host's sshd saw it
    accepted_at: float  # wall time of sshd's "Accepted"
    login_uid: int
    audit_session: int
    port: int = 22


class Intruder:
    """Call the steps in order. `log` receives a line for each completed step; it may be print."""

    def __init__(self, fleet, log=lambda line: None):
        self._fleet = fleet
        self._log = log
        self._outside = None  # the ssh client at `outside`; the shell on gw lives as long as it
        self._gw = None
        self._web = None  # the process that outlives its login
        self.steps = []
        self.relay_pid = None

    def guess_passwords(self):
        """Tries five wrong passwords, one connection each and all at once, as guessing tools do: PAM answers each only
        after two seconds."""
        def guess(password):
            return self._fleet["outside"].run(self._password_login(password) + ["true"], check=False)

        with concurrent.futures.ThreadPoolExecutor(len(WRONG_PASSWORDS)) as pool:
            for password, done in zip(WRONG_PASSWORDS, pool.map(guess, WRONG_PASSWORDS)):
                if "Permission denied" not in done.stderr:
                    raise fleets.namespaces.LabError(f"{password!r}: exit {done.returncode}: {done.stderr}")
        failures = self._fleet["gw"].log.wait_for(r"Failed password for staff from 198\.51\.100\.7",
                                                  count=len(WRONG_PASSWORDS))
        self._log(f"outside: {len(failures)} wrong passwords for staff@gw")

    def enter_gw(self):
        """Logs in to gw with the right password; the session stays open until the end."""
        self._outside = self._fleet["outside"].popen(self._password_login(self._fleet.staff_password) + ["bash -s"],
                                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._gw = shell.of_process(self._outside)
        self._arrived("gw", "staff", "", self._gw.run(
            "hostname; id -un; cat /proc/$$/loginuid; echo; cat /proc/$$/sessionid").split())
        self._gw.run("uname -a; ls -la ~/.ssh; cat /etc/hosts")

    def hop_to_web(self):
        """From gw with a key found there, through the router's translation. Starts a process that outlives this
        login."""
        facts = self._gw.enter(f"{SSH} -i ~/.ssh/id_web deploy@{fleets.ROUTER_OUTER} bash -s")
        self._arrived("web", "deploy", "gw-to-web", facts)
        self._gw.run("mkdir -p ~/.cache/relay && cd ~/.cache/relay && mkfifo -m 600 in out")
        self._gw.run("setsid nohup bash -s <>in >out 2>/dev/null & echo $!")
        self._web = shell.of_fifos(os.path.join(self._fleet["web"].home("deploy"), ".cache/relay"))
        self.relay_pid = int(self._web.run("echo $$"))
        self._log(f"web: process {self.relay_pid} started with setsid nohup")

    def leave_web(self):
        """Closes the login on web. The process that it left keeps the login's ids, and init becomes its parent."""
        self._gw.leave()
        self._fleet["web"].log.wait_for(r"session closed for user deploy")
        web = self.steps[-1]
        status = self._web.run("cat /proc/$$/status")
        parent = int(re.search(r"^PPid:\s+(\d+)", status, re.M).group(1))
        kept = self._web.run("cat /proc/$$/sessionid")
        if parent != 1 or kept != str(web.audit_session):
            raise fleets.namespaces.LabError(f"relay on web: parent {parent}, audit session {kept}, expected 1, "
                                             f"{web.audit_session}")
        self._log(f"web: the login is closed; process {self.relay_pid} lives on under init, audit session {kept}")

    def hop_to_db(self):
        """From the process on web, after its login has ended."""
        facts = self._web.enter(f"{SSH} -i ~/.ssh/id_db root@db bash -s")
        self._arrived("db", "root", "web-to-db", facts)
        self._web.run("ls /var/lib /srv; cat /root/.ssh/id_vault | wc -c")

    def hop_to_vault(self):
        """From db to vault, over IPv6."""
        facts = self._web.enter(f"{SSH} -6 -i ~/.ssh/id_vault root@vault bash -s")
        self._arrived("vault", "root", "db-to-vault", facts)
        self._web.run("mkdir -p /srv/secrets; ls -la /srv/secrets; tar cf - /etc/ssh | wc -c")

    def cross_all(self):
        """Plays all steps of the intruder."""
        self.guess_passwords()
        self.enter_gw()
        self.hop_to_web()
        self.leave_web()
        self.hop_to_db()
        self.hop_to_vault()

    def close(self):
        """Ends the sessions, innermost first, as a person would. May be called at any point."""
        for held in (self._web, self._gw):
            if held:
                held.end()
        if self._outside:
            self._outside.stdin.close()
            self._outside.stdout.close()
            try:
                self._outside.wait(5)
            except subprocess.TimeoutExpired:
                self._outside.kill()
                self._outside.wait()
        self._web = self._gw = self._outside = None

    @staticmethod
    def _password_login(password):
        return ["sshpass", "-p", password, "ssh", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1",
                "staff@gw"]

    def _arrived(self, host, user, key, facts):
        fingerprint = self._fleet.keys[key].fingerprint if key else ""
        self.steps.append(check_arrival(self._fleet[host], user, fingerprint, facts))
        step = self.steps[-1]
        means = f"{step.method} {fingerprint}".strip()
        self._log(f"{host}: {user} is in by {means} from {step.client_address} "
                   f"(loginuid {step.login_uid}, audit session {step.audit_session})")


class Administrator:
    """Logs in once to db, directly from her own machine, and works there. Nothing that she does is an incident."""

    def __init__(self, fleet, log=lambda line: None):
        self._fleet = fleet
        self._log = log
        self._client = None
        self._db = None
        self.step = None

    def enter_db(self):
        self._client = self._fleet["admin"].popen(
            ["setpriv", "--reuid=2003", "--regid=2003", "--clear-groups", "--reset-env", "sh", "-c",
             f"{SSH} -i ~/.ssh/id_db admin@db bash -s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._db = shell.of_process(self._client)
        facts = self._db.run("hostname; id -un; cat /proc/$$/loginuid; echo; cat /proc/$$/sessionid").split()
        self.step = check_arrival(self._fleet["db"], "admin", self._fleet.keys["admin-to-db"].fingerprint, facts)
        self._log(f"db: admin is in by {self.step.method} from {self.step.client_address} "
                   f"(loginuid {self.step.login_uid}, audit session {self.step.audit_session})")

    def work(self):
        for command in ("uptime", "df -h /var/log", "ps aux | head -5", "tail -3 /etc/hosts", "date > notes.txt"):
            self._db.run(command)
            time.sleep(0.05)

    def leave(self):
        if self._client:
            self._db.end()
            self._client.stdin.close()
            self._client.stdout.close()
            self._client.wait(10)
            self._client = None


def check_arrival(host, user, fingerprint, facts):
    """Compares the shell's own facts with sshd's log; returns the login as it happened."""
    name, who, login_uid, audit_session = facts
    if (name, who) != (host.name, user):
        raise fleets.namespaces.LabError(f"expected a shell of {user} on {host.name}, got a shell of {who} on {name}")
    if UNSET_LOGIN in (login_uid, audit_session) or int(login_uid) != host.user(user).uid:
        raise fleets.namespaces.LabError(f"{user}@{host.name}: login uid {login_uid}, audit session {audit_session}")
    pattern = rf"Accepted \S+ for {user} from .*{re.escape(fingerprint)}"
    line = host.log.wait_for(pattern)[-1]
    match = re.match(r"([\d.]+) sshd\[\d+\]: Accepted (\S+) for \S+ from (\S+) port", line)
    return Step(host.name, user, match.group(2), fingerprint, match.group(3), float(match.group(1)),
                int(login_uid), int(audit_session))
