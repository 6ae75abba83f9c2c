"""The collector's row of a host stays correct when the host is renamed, and when the collector loses its store."""

import shutil
import time

import bench
import daemon
import lab_test_case
from privilege_test import wait_processes
from logins import RootLogin

WITHIN = 60.0


class HostRow(lab_test_case.LabTestCase):
    """root is logged in to db by ssh from web."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        for name, agent in cls.bench.agents.items():
            if name == "web":
                del agent.config["host"]  # the agent then uses the system's name
            agent.start()
        cls.bench.wait_connected()
        cls.pids = {name: wait_processes(agent) for name, agent in cls.bench.agents.items()}
        cls.login = RootLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.login.leave)
        daemon.wait(cls.hop, "the hop from web to db", WITHIN)

    @classmethod
    def hop(cls):
        """The hop of the login, from web to db."""
        machines = {name: agent.machine_id for name, agent in cls.bench.agents.items()}
        return next((each for each in cls.bench.api.hops()
                     if machines["web"] in each["client"]["host"] and machines["db"] in each["server"]["host"]), None)

    def test_renamed_host_is_shown_under_its_new_name(self):
        host = self.bench.fleet["web"]
        for name in ("frontend", "web"):
            began = time.time()
            host.run(["hostname", name])
            daemon.wait(lambda: name in self.bench.api.hosts(), f"the name {name}", WITHIN)
            self.measure("new name to the collector", f"{time.time() - began:.1f} s")
            self.assertIn(name, self.bench.command_line().text("hosts"))
        # A name from the configuration stays.
        self.bench.fleet["db"].run(["hostname", "renamed"])
        time.sleep(3)
        self.assertEqual(set(self.bench.api.hosts()), set(self.bench.agents))

    def test_empty_store_is_filled_again_by_running_agents(self):
        before = {name: host["coverage"] for name, host in self.bench.api.hosts().items()}
        session = next(each for each in self.bench.api.sessions()
                       if each["audit_session"] == self.login.audit_session and each["logged_in"])
        hop = self.hop()
        self.bench.collector.kill()
        shutil.rmtree(self.bench.collector.store_directory)
        began = time.time()
        self.bench.collector.start()

        def complete():
            hosts = self.bench.api.hosts()
            return set(hosts) == set(before) and all(host.get("coverage") for host in hosts.values())

        daemon.wait(complete, "every host's coverage", WITHIN)
        self.measure("an empty store to every host's coverage", f"{time.time() - began:.1f} s")
        self.assertEqual({name: host["coverage"] for name, host in self.bench.api.hosts().items()}, before)
        again = daemon.wait(lambda: next((each for each in self.bench.api.sessions()
                                          if each["name"] == session["name"]), None), "the open session", WITHIN)
        self.assertEqual(again, session)
        self.assertEqual(daemon.wait(self.hop, "the open hop", WITHIN)["proof"], hop["proof"])
        self.assertEqual({name: wait_processes(agent) for name, agent in self.bench.agents.items()}, self.pids)
