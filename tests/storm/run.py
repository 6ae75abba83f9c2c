#!/usr/bin/python3
"""Load generators on one host of the lab while an intruder moves through it: no hop may be missed.

    run.py [--binaries DIR] [--logs DIR] [--hops N] [--seconds N] [--report FILE]

On db, load generators fork, exec, connect, open and log as fast as they can, first in one cgroup, then in many, and one
more within a login. Meanwhile the intruder of the lab's story crosses gw, web, db and vault by ssh, and N light hops
(hop.cc) go from web into db and on into vault. The output ends with one line `N passed, N failed`. Needs root.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(os.path.dirname(HERE), "lab")
sys.path[0:0] = [LAB, HERE]

import run as lab_run  # noqa: E402  the lab's

KINDS = "fork,exec,connect,open,log"
MANY = 4  # cgroups
ALL_PORTS = [22, 2222]
TYPES = ("fork", "exec", "exit", "tcp", "accept", "sshd")
MEMORY_AIM_KIB = 64 * 1024
PATIENCE = 120.0  # of a step of the intruder, on a machine that is busy with other things
options = None


class Losses:
    """Collects a host's losses from the collector, which shows only the newest hundred."""

    def __init__(self, api, name):
        self._api, self._name = api, name
        self._seen = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        while not self._stop.wait(2.0):
            self.look()

    def look(self):
        for loss in self._api.hosts()[self._name]["losses"]:
            self._seen[(loss["where"], loss["type"], loss["from_time"], loss["until_time"])] = int(loss["count"])

    def by_place(self):
        sums = {}
        for (where, kind, *_), count in self._seen.items():
            key = f"{where} {kind}".strip()
            sums[key] = sums.get(key, 0) + count
        return sums

    def close(self):
        self._stop.set()
        self._thread.join(30)


def all_hops(api):
    hops, token = [], ""
    while True:
        answer = api.client.call("hoptrail.v1.GraphService/ListHops", {"page_size": 1000, "page_token": token})
        hops += answer["hops"]
        token = answer["next_page_token"]
        if not token:
            return hops


def all_sessions(api):
    sessions, token = {}, ""
    while True:
        answer = api.client.call("hoptrail.v1.GraphService/ListSessions", {"page_size": 1000, "page_token": token})
        sessions.update((session["name"], session) for session in answer["sessions"])
        token = answer["next_page_token"]
        if not token:
            return sessions


def counts_in(agent, what):
    """The counts that the agent logged at its end: `read in all: fork 12, exec 3`."""
    line = re.findall(rf"{what} in all: (.*)", agent.log())[-1]
    return {name: int(count) for name, count in re.findall(r"([a-z/_]+(?: [a-z_]+)?) (\d+)", line)}


class LoadTest(unittest.TestCase):
    """The load runs once, in setUpClass; the tests check its results."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        import bench
        import intruder
        import lab_test_case
        import load
        import log_sink
        import shell
        import story
        shell.PATIENCE = log_sink.PATIENCE = PATIENCE
        intruder.SSH = intruder.SSH.replace("ConnectTimeout=10", f"ConnectTimeout={PATIENCE:.0f}")
        cls.lab_test_case = lab_test_case
        cls.bench = cls.enterClassContext(bench.Bench(options.binaries, options.logs, start_agents=False))
        fleet = cls.bench.fleet
        for agent in cls.bench.agents.values():
            agent.config["hops"] = {"watched_ports": ALL_PORTS}
            agent.config["log_level"] = "info"
            agent.start()
        cls.bench.wait_connected(timeout=PATIENCE)
        for host, uid in (("db", 2003), ("vault", 2003)):
            cls.addClassCleanup(load.HopServer(fleet[host], options.binaries, uid).close)
        cls.losses = Losses(cls.bench.api, "db")
        cls.addClassCleanup(cls.losses.close)
        cls.story = story.Story(fleet)
        cls.addClassCleanup(cls.story.close)
        cls.made = {}
        cls.passed = []
        cls.probes = []  # of the agent on db, under load: (exit status, output, seconds)
        began = time.monotonic()
        in_login = cls._begin(load.LoadGenerator(fleet["db"], "fork,exec,connect,log", 1,
                                                 (fleet["web"], "10.71.3.20")))
        one = cls._begin(load.LoadGenerator(fleet["db"], KINDS, 1))
        cls._make_light_hops(load, options.hops // 2)
        cls._sleep_until(began + options.seconds / 2)
        cls._end(one)
        many = cls._begin(load.LoadGenerator(fleet["db"], KINDS, MANY))
        cls.story.play()
        cls._probe()
        cls._make_light_hops(load, options.hops - options.hops // 2)
        cls._probe()
        cls._sleep_until(began + options.seconds)
        cls._probe()
        cls._end(many)
        cls._end(in_login)
        cls.load_seconds = time.monotonic() - began
        cls._settle()
        agent = cls.bench.agents["db"]
        cls.memory = [cls._memory_of(pid) for pid in agent.pids()]
        cls.host = cls.bench.api.hosts()["db"]
        cls.reported_losses = cls.losses.by_place()
        cls.open_sessions = cls.bench.api.sessions("host_name = db AND open = true")
        cls.agent_status = agent.stop(patience=PATIENCE)  # which makes it log what it has read and lost

    @classmethod
    def _begin(cls, generator):
        cls.addClassCleanup(generator.close)
        return generator

    @classmethod
    def _end(cls, generator):
        for kind, count in generator.stop().items():
            cls.made[kind] = cls.made.get(kind, 0) + count

    @classmethod
    def _make_light_hops(cls, load, count):
        hops = load.LightHops(cls.bench.fleet["web"], count, "10.71.3.20", "fd71:4::30")
        cls.addClassCleanup(hops.close)
        cls.passed += hops.finish(PATIENCE + 5.0 * count)

    @classmethod
    def _probe(cls):
        """Probes the agent as a node's kubelet does, while the load is at its highest."""
        for flag in ("--health", "--live"):
            began = time.monotonic()
            done = subprocess.run([*cls.bench.agents["db"].command(), flag], stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
            cls.probes.append((done.returncode, done.stdout.strip(), time.monotonic() - began))

    @staticmethod
    def _sleep_until(when):
        time.sleep(max(0.0, when - time.monotonic()))

    @classmethod
    def _settle(cls):
        """Waits until the collector has received everything that the agents have recorded."""
        import daemon

        def quiet():
            before = {name: (host["acknowledged_sequence"], host["events"], host["spooled"])
                      for name, host in cls.bench.api.hosts().items()}
            time.sleep(12)  # more than one health report
            after = cls.bench.api.hosts()
            return all(int(after[name]["spooled"]) < 100 and int(after[name]["events"]) - int(events) < 5000
                       for name, (_, events, _) in before.items())

        daemon.wait(quiet, "the collector to receive all records of the load", 5 * PATIENCE)
        cls.losses.look()

    @staticmethod
    def _memory_of(pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return dict(re.findall(r"^(\w+):\s+(\S+)", file.read(), re.M))

    def measure(self, what, value):
        self.lab_test_case.measured.append(("storm", what, value))

    def test_light_hops_under_load_are_all_proven(self):
        self.assertEqual(len(self.passed), options.hops, "light hops that were made")
        hops, sessions = all_hops(self.bench.api), all_sessions(self.bench.api)
        found = {}  # by the session that the hop opened: ports are used again within minutes
        for hop in hops:
            server = hop.get("server")
            session = sessions.get(server["session"]) if server else None
            if session and server["flow"]["server"]["port"] == 2222:
                found[(session["host_name"], session["audit_session"])] = hop
        missed = {}
        for number, (port, audit, onward_port, onward_audit) in enumerate(self.passed):
            into, onward = found.get(("db", audit)), found.get(("vault", onward_audit))
            for name, hop, client_port in (("into db", into, port), ("on into vault", onward, onward_port)):
                trouble = self._trouble_of(hop, sessions, client_port)
                if trouble:
                    missed.setdefault(f"{name}: {trouble}", []).append(number)
            if into and onward and onward.get("client", {}).get("session") != into["server"]["session"]:
                missed.setdefault("the hop onward is not of the session on db", []).append(number)
        self.measure("light hops, each into db and on into vault", len(self.passed))
        self.measure("of those missed", len(set(sum(missed.values(), []))))
        if missed:
            with open(os.path.join(options.logs, "graph.json"), "w", encoding="utf-8") as file:
                json.dump({"passed": self.passed, "hops": hops, "sessions": sessions}, file, indent=1)
        self.assertEqual(missed, {})

    @staticmethod
    def _trouble_of(hop, sessions, client_port):
        if not hop:
            return "no hop"
        if hop["proof"] != "PROVEN" or not hop["server"]["opened_session"]:
            return f"{hop['proof']}, opened_session {hop['server']['opened_session']}"
        if not sessions[hop["server"]["session"]]["logged_in"]:
            return "no login"
        return "" if hop["server"]["flow"]["client"]["port"] == client_port else "another connection's session"

    def test_intruder_path_under_load_is_complete(self):
        import story
        paths = [self.bench.api.path(each["name"]) for each in self.bench.api.incidents()]
        paths = [path for path in paths if path["steps"][0]["session"]["host_name"] == "gw"]
        self.measure("ssh hops of the intruder", len(self.story.intruder.steps))
        self.assertEqual(len(paths), 1, "incidents that begin on gw")
        story.check_path(self, paths[0], self.story.intruder.steps)

    def test_probes_are_answered_under_load(self):
        self.measure("longest answer to a probe", f"{max(seconds for *_, seconds in self.probes):.2f} s")
        self.assertEqual(len(self.probes), 6)
        for status, output, _ in self.probes:
            self.assertEqual(status, 0, output)

    def test_agent_memory_under_load_stays_within_aim(self):
        """Counts the worker's whole peak, but only the anonymous memory of its helpers: they map the same files."""
        most = 0
        self.assertEqual(len(self.memory), 3, "processes of the agent")
        for status in self.memory:
            peak, own = int(status["VmHWM"]), int(status["RssAnon"])
            self.measure(f"memory of {status['Name']} on db: peak (VmHWM), anonymous at the end",
                         f"{peak / 1024:.1f} MiB, {own / 1024:.1f} MiB")
            most += peak if status["Name"] == "hoptrail-worker" else own
        self.measure("the agent's peak memory on db", f"{most / 1024:.1f} MiB")
        self.assertLessEqual(most, MEMORY_AIM_KIB)

    def test_losses_at_collector_equal_kernel_counters(self):
        reported, agent = self.reported_losses, self.bench.agents["db"]
        self.assertEqual(self.agent_status, 0)
        read, lost = counts_in(agent, "read"), counts_in(agent, "lost")
        places = ("ring/", "budget/", "skipped")
        at_collector = {place: count for place, count in reported.items() if place.startswith(places)}
        in_kernel = {place: count for place, count in lost.items() if place.startswith(places)}
        self.measure("duration of the load", f"{self.load_seconds:.0f} s")
        for kind in TYPES:
            missing = sum(count for place, count in lost.items() if place.endswith(f" {kind}"))
            self.measure(f"{kind}: made by the load generators, read of all, lost of all",
                         f"{self.made[kind]}, {read.get(kind, 0)}, {missing}")
        for place, count in sorted(reported.items()):
            self.measure(f"reported as lost: {place}", count)
        self.assertEqual(at_collector, in_kernel, "losses at the collector, and the kernel side's counters")
        self.assertEqual(int(self.host["lost"]), sum(reported.values()), "the host's total, and the sum of its losses")
        for kind in TYPES:
            missing = sum(count for place, count in lost.items() if place.endswith(f" {kind}"))
            others = read.get(kind, 0) + missing - self.made[kind]
            self.measure(f"{kind}: made by others on db", others)
            # Made by sshd, the intruder and the light logins; accounting_test.cc shows that nothing else is in it.
            self.assertGreaterEqual(others, 0, kind)
            self.assertLessEqual(others, 40 * options.hops + 2000, kind)

    def test_light_sessions_are_closed_after_the_load(self):
        light = [each for each in self.open_sessions
                 if each.get("entry_flow") and each["entry_flow"]["server"]["port"] == 2222]
        self.assertEqual([each["name"] for each in light], [], "light logins that are over")
        self.assertLess(len(self.open_sessions), 40)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", default=os.path.join(HERE, "../../build/dev/bin"))
    parser.add_argument("--logs", required=True, help="keep every log here")
    parser.add_argument("--hops", type=int, default=60, help="light hops to make (default 60)")
    parser.add_argument("--seconds", type=int, default=20, help="least duration of the load (default 20)")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    options.binaries, options.logs = os.path.abspath(options.binaries), os.path.abspath(options.logs)
    missing = [program for program in lab_run.PROGRAMS
               if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")]
    if os.geteuid() != 0 or missing:
        print("this test needs " + (f"these programs: {', '.join(missing)}" if missing else "root"), file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    for number in (lab_run.signal.SIGINT, lab_run.signal.SIGTERM, lab_run.signal.SIGHUP):
        lab_run.signal.signal(number, lab_run.unwind)
    os.umask(0o022)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import lab_test_case
    tests = list(lab_run.flatten(unittest.defaultTestLoader.loadTestsFromTestCase(LoadTest)))
    figures = {}
    lab_test_case.measured = Figures(figures)
    passed, failed = lab_run.run_once(tests, lab_test_case)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


class Figures(list):
    """Keeps a copy of the figures, because the lab's runner clears those that it has printed."""

    def __init__(self, copy):
        super().__init__()
        self._copy = copy

    def append(self, figure):
        super().append(figure)
        self._copy[figure[1]] = figure[2]


if __name__ == "__main__":
    sys.exit(main())
