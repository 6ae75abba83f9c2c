"""A fleet with the product installed and running: the start of most lab tests, and of the demo."""

import contextlib
import os
import sqlite3

import authority as authorities
import daemon
import fleet as fleets
import namespaces
import pagerduty
import product

PAGERDUTY_PORT = 8425


class Bench(contextlib.AbstractContextManager):
    """On entry it makes hosts, certificates, the stand-in for PagerDuty, a collector and an agent on each host, and
    waits until all are connected.

    With `start_agents=False` the agents are configured but not started. On exit everything is removed except `logs`.
    """

    def __init__(self, binaries, logs, state=None, start_agents=True):
        self.binaries = binaries
        self.logs = logs
        self._state = state
        self._start_agents = start_agents
        self._stack = contextlib.ExitStack()
        self.agents = {}

    def __enter__(self):
        os.makedirs(self.logs, exist_ok=True)
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _build(self):
        for name in ("hoptrail-agent", "hoptrail-collector", "hoptrail"):
            daemon.find_binary(self.binaries, name)  # a missing program is an error before anything is built
        self.fleet = self._stack.enter_context(fleets.Fleet(self._state, self.binaries))
        self._stack.callback(lambda: product.keep_logs(self.fleet, self.logs))
        self.authority = authorities.Authority(os.path.join(self.fleet.directory, "certificates"))
        self.pagerduty = self._start_pagerduty()
        self.collector = product.Collector(self.fleet, self.binaries, self.authority, self.logs, PAGERDUTY_PORT)
        self._stack.callback(self.collector.close)
        self.api = self.collector.api
        self.reader = self.authority.reader("lena")
        self.operator = self.authority.operator("otto")
        for name in fleets.AGENT_HOSTS:
            agent = product.Agent(self.fleet[name], self.binaries, self.authority, self.logs)
            self.agents[name] = agent
            self._stack.callback(agent.kill)
        self.collector.start()
        if self._start_agents:
            for agent in self.agents.values():
                agent.start()
            self.wait_connected()

    def _start_pagerduty(self):
        log = self._stack.enter_context(open(os.path.join(self.logs, "pagerduty.jsonl"), "a", encoding="utf-8"))
        listener = namespaces.listen_in(self.fleet.namespace("mgmt"), "127.0.0.1", PAGERDUTY_PORT)
        server = pagerduty.PagerDuty(listener, log=lambda line: print(line, file=log, flush=True))
        self._stack.callback(server.close)
        return server

    def command_line(self, certificate=None):
        return product.CommandLine(self.fleet, self.binaries, self.authority, certificate or self.operator)

    def wait_connected(self, names=fleets.AGENT_HOSTS, timeout=30.0):
        """Waits until the collector shows these hosts' agents as connected and has their first report. A restarted
        agent counts only after its new hello."""
        def connected():
            hosts = self.api.hosts()
            return all(hosts.get(name, {}).get("state") == "CONNECTED" and "agent_start_time" in hosts[name]
                       for name in names)

        def hopeless():
            return next(filter(None, (self.agents[name].failed() for name in names)), None)

        daemon.wait(connected, f"agents of {', '.join(names)} to be connected", timeout, hopeless)

    def health_of(self, name):
        """The stored bytes of a host's last health report, in which a test can look for sentences."""
        store = os.path.join(self.collector.store_directory, "hoptrail.db")
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return database.execute("SELECT health FROM hosts WHERE host_name = ?", (name,)).fetchone()[0]

    def restart_agent(self, name):
        """Kills the agent with SIGKILL and starts it again; returns when the new one is connected."""
        agent = self.agents[name]
        before = self.api.hosts()[name].get("agent_start_time")
        agent.kill()
        agent.start()
        daemon.wait(lambda: self.api.hosts().get(name, {}).get("agent_start_time") != before,
                    f"the new agent on {name} to say hello", 30.0, agent.failed)
        self.wait_connected([name])
