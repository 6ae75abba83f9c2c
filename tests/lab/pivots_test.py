"""Sessions that make other sessions of the same host act: by an ssh master, a terminal multiplexer, injected code and a
planted job, each with the real program. The agent names who acts on whom; an innocent login is never the only one named.

`admin` is logged in to db from a host without an agent and does nothing wrong. The intruder is root on db, from web.
"""

import time

import bench
import daemon
import hosts
import intruder
import lab_test_case
from logins import AdminLogin, RootLogin

TO_VAULT = f"{intruder.SSH} -i ~/.ssh/id_vault root@vault"
WATCHED_AFTER = 15.0  # seconds until the agent has found new directories


class Pivots(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.db = cls.bench.fleet["db"]
        cls.bench.fleet.keys["db-to-vault"].give_to(cls.db, "admin", "id_vault")
        cls.victim = AdminLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.victim.leave)
        cls.intruder = RootLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.intruder.leave)
        cls.victims_session = cls.session_of(cls.victim)
        cls.intruders_session = cls.session_of(cls.intruder)

    @classmethod
    def session_of(cls, login):
        return daemon.wait(lambda: next((each["name"] for each in cls.bench.api.sessions() if each["logged_in"] and
                                         each["audit_session"] == login.audit_session), None), "a login's session")

    def ends_to_vault(self, session):
        """The ends of connections from db to vault's sshd that this session opened, by hop key."""
        ends = [hop.get("client") or {} for hop in self.bench.api.hops()]
        return {end["hop_key"]: end for end in ends
                if end.get("session") == session and int(end["flow"]["server"]["port"]) == 22}

    def wait_driven(self, session, known=()):
        """The first end of this session to vault, other than the known ones, that has drivers."""
        return daemon.wait(lambda: next((end for key, end in self.ends_to_vault(session).items()
                                         if key not in known and end["drivers"]), None),
                           "an end that has drivers", 30.0)

    def check_driver(self, drivers, method, at_least):
        self.assertEqual([(each["session"], each["method"]) for each in drivers], [(self.intruders_session, method)])
        self.assertGreaterEqual(drivers[0]["probability"], at_least)
        self.assertLess(drivers[0]["probability"], 1, "the login itself is never ruled out")

    def path_at_vault(self, hop_key):
        """The path to the session that the connection has opened on vault."""
        def session():
            return next((hop["server"]["session"] for hop in self.bench.api.hops() if hop.get("server")
                         and (hop.get("client") or {}).get("hop_key") == hop_key), None)

        name = daemon.wait(session, "the session on vault")
        path = self.bench.api.path(name)
        return path, self.chain(path["steps"], name)

    @staticmethod
    def chain(steps, name):
        """The steps from the root to this session, without the branches beside them."""
        chain = []
        at = next(index for index, step in enumerate(steps) if step["session"]["name"] == name)
        while at >= 0:
            chain.insert(0, steps[at])
            at = steps[at]["parent"]
        return chain

    def check_path_through_the_victim(self, hop_key):
        """The path comes from the intruder through admin's login, as an inference, and names admin as another cause."""
        def through_the_victim():
            path, chain = self.path_at_vault(hop_key)
            return (path, chain) if len(chain) >= 3 else None

        path, chain = daemon.wait(through_the_victim, "the path through admin's login", 30.0)
        *_, intruder_step, driven, last = chain
        self.assertEqual(intruder_step["session"]["name"], self.intruders_session)
        self.assertEqual(driven["session"]["drives"], self.victims_session)
        self.assertEqual(last["session"]["host_name"], "vault")
        self.assertEqual(last["proof"], "INFERRED")
        self.assertEqual([each["session"] for each in last["other_causes"]], [self.victims_session])
        self.assertFalse(path["proven"])

    def test_mux_master_used_by_another_login_names_its_user(self):
        self.victim.shell.run(f"{TO_VAULT} -MNf -S ~/.ssh/master")
        self.addCleanup(lambda: self.victim.shell.run("ssh -S ~/.ssh/master -O exit vault", check=False))
        key, end = daemon.wait(lambda: next(iter(self.ends_to_vault(self.victims_session).items()), None),
                               "the master's connection")
        self.assertEqual(end["drivers"], [], "nobody else has used it yet")
        self.intruder.shell.run("ssh -n -S /home/admin/.ssh/master vault id")
        driven = self.wait_driven(self.victims_session)
        self.assertEqual(driven["hop_key"], key, "the intruder opens no connection of its own")
        self.check_driver(driven["drivers"], "ssh mux", 0.8)
        self.assertEqual(self.ends_to_vault(self.intruders_session), {})
        self.check_path_through_the_victim(key)
        # admin uses it, too: both may be the cause of what follows at the other end.
        self.victim.shell.run("ssh -n -S ~/.ssh/master vault true")
        self.intruder.shell.run("ssh -n -S /home/admin/.ssh/master vault id")
        shared = daemon.wait(lambda: next((end for end in self.ends_to_vault(self.victims_session).values()
                                           if end["hop_key"] == key and end["drivers"][0]["probability"] < 0.6), None),
                             "the shared use")
        self.check_driver(shared["drivers"], "ssh mux", 0.4)
        self.assertFalse(self.path_at_vault(key)[0]["proven"])

    def test_tmux_attached_by_another_login_names_who_is_attached(self):
        known = set(self.ends_to_vault(self.victims_session))
        self.victim.shell.run("tmux -S /tmp/shared -f /dev/null new -d -s work bash && chmod 777 /tmp/shared")
        self.addCleanup(lambda: self.victim.shell.run("tmux -S /tmp/shared kill-server", check=False))
        # The input stays open: its end would be typed into the terminal, as Ctrl-D.
        self.intruder.shell.run("sleep 60 2>/dev/null | TERM=xterm script -qec 'tmux -S /tmp/shared attach -t work' /dev/null "
                                ">/dev/null 2>&1 &")
        clients = "tmux -S /tmp/shared list-clients"
        daemon.wait(lambda: self.intruder.shell.run(clients, check=False).strip(), "the intruder's client")
        command = f"{intruder.SSH} -i /home/admin/.ssh/id_vault root@vault true"
        self.intruder.shell.run(f"tmux -S /tmp/shared send-keys -t work '{command}' Enter")
        driven = self.wait_driven(self.victims_session, known)
        self.check_driver(driven["drivers"], "tmux", 0.8)
        self.check_path_through_the_victim(driven["hop_key"])
        # Afterwards admin works alone in the same multiplexer.
        self.intruder.shell.run("tmux -S /tmp/shared detach-client -s work; kill %1", check=False)
        time.sleep(2.5)
        known = set(self.ends_to_vault(self.victims_session))
        self.victim.shell.run(f"tmux -S /tmp/shared send-keys -t work '{TO_VAULT} true' Enter")
        later = daemon.wait(lambda: next((end for key, end in self.ends_to_vault(self.victims_session).items()
                                          if key not in known), None), "admin's own connection", 30.0)
        self.assertEqual(later["drivers"], [])

    def test_code_injected_by_gdb_names_the_injector(self):
        known = set(self.ends_to_vault(self.victims_session))
        target = self.victim.shell.run("sleep 300 >/dev/null </dev/null & echo $!").strip()
        self.addCleanup(lambda: self.victim.shell.run(f"kill {target}", check=False))
        command = f"{intruder.SSH} -i /home/admin/.ssh/id_vault root@vault true"
        self.intruder.shell.run(
            f"gdb -nx -batch -p {target} -ex 'call (int)system(\"{command}\")' </dev/null 2>&1", timeout=60)
        driven = self.wait_driven(self.victims_session, known)
        self.check_driver(driven["drivers"], "ptrace", 0.8)
        self.check_path_through_the_victim(driven["hop_key"])

    def test_planted_crontab_names_its_writer_after_a_restart_of_the_agent(self):
        """Real crontab and real cron. The agent that sees the job is not the one that saw the crontab."""
        self.db.run(["sh", "-c", "mount -t tmpfs tmpfs /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs && "
                                 "chgrp crontab /var/spool/cron/crontabs && rm -f /etc/cron.d/* /etc/cron.*/* && "
                                 "echo '# none' > /etc/crontab"])
        time.sleep(WATCHED_AFTER)
        self.intruder.shell.run(f"echo '* * * * * {TO_VAULT} true' | crontab -")
        time.sleep(1)
        self.bench.restart_agent("db")
        cron = self.db.popen(hosts.in_no_login(["cron", "-f"]))
        self.addCleanup(cron.wait)
        self.addCleanup(cron.kill)
        job = daemon.wait(lambda: next((each for each in self.bench.api.sessions()
                                        if each["kind"] == "CRON" and each["drivers"]), None),
                          "a job that has drivers", 100.0)
        self.assertEqual(job["host_name"], "db")
        # crontab writes a new file and renames it, which not every kernel shows.
        self.assertRegex(job["drivers"][0]["method"], r"^file .*/crontabs/(root|tmp\.\w+)$")
        self.check_driver(job["drivers"], job["drivers"][0]["method"], 0.5)
        ends = daemon.wait(lambda: self.ends_to_vault(job["name"]), "the job's connection", 30.0)
        path, chain = self.path_at_vault(next(iter(ends)))
        names = [step["session"]["name"] for step in chain]
        self.assertEqual(names[-3:-1], [self.intruders_session, job["name"]])
        self.assertEqual(chain[-2]["proof"], "INFERRED")
        self.assertFalse(path["proven"])
