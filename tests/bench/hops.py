"""The delay from a hop to the host's detection, and to the collector's incident.

There are three network namespaces in a row; the agent watches all of them. Each hop is a login (tests/storm/hop.cc)
from the first into the second, and from that session on into the third, which the host's rule `pivot` detects.
"""

import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import threading
import time

import namespaces  # the lab's
import series
import usage

PORT = 2222
NAMES = ("near", "middle", "far")
OWNER = re.compile(r"^htbench(\d+)-\w+$")
UID = 2003
DRAIN_S = 3.0


def sweep():
    """Removes the namespaces that killed runs have left."""
    for name in namespaces.names():
        found = OWNER.match(name)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            namespaces.remove(name)


class HopChain(contextlib.AbstractContextManager):
    """The namespaces, and a server of logins in the second and the third."""

    def __init__(self, binaries, scratch):
        self._hop = os.path.join(binaries, "storm-hop")
        # A login's program has a path of its own, as a shell has.
        self._session = os.path.join(scratch, "bench-session")
        self._servers = []
        self._names = [f"htbench{os.getpid()}-{name}" for name in NAMES]

    def __enter__(self):
        sweep()
        shutil.copy(self._hop, self._session)
        try:
            for name in self._names:
                namespaces.add(name)
            for number, (left, right) in enumerate(zip(self._names, self._names[1:])):
                self._join(left, f"10.97.{number}.1", right, f"10.97.{number}.2")
            for name in self._names[1:]:
                self._serve(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @staticmethod
    def _join(left, left_address, right, right_address):
        namespaces.run(["ip", "link", "add", "onward", "netns", left, "type", "veth", "peer", "name", "back",
                        "netns", right])
        for name, link, address in ((left, "onward", left_address), (right, "back", right_address)):
            namespaces.inside(name, ["ip", "address", "add", f"{address}/24", "dev", link])
            namespaces.inside(name, ["ip", "link", "set", link, "up"])

    def _enter(self, name, *command):
        return ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={namespaces.path_of(name)}", "--", *command]

    def _serve(self, name):
        """Starts a server of logins. It is in no login itself, like any server."""
        script = 'echo 4294967295 > /proc/self/loginuid; exec "$@"'
        server = subprocess.Popen(
            self._enter(name, "sh", "-c", script, "serve", self._hop, "serve", str(PORT), str(UID), self._session),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=namespaces.CLEAN_ENVIRONMENT)
        self._servers.append(server)
        if server.stdout.readline() != "ready\n":
            raise namespaces.LabError("the server of logins did not start")

    def go(self, rate, count):
        """Makes `count` hops, `rate` a second; returns how many succeeded."""
        done = namespaces.run(
            self._enter(self._names[0], self._hop, "go", str(count), "10.97.0.2", str(PORT), "10.97.1.2", str(PORT),
                        str(1000 // rate)), timeout=count / rate + 120)
        return len(done.stdout.splitlines())

    def __exit__(self, *_):
        for server in self._servers:
            server.kill()
            server.wait()
            server.stdout.close()
        for name in self._names:
            namespaces.remove(name)


def seconds(timestamp):
    """2026-01-02T03:04:05.678901Z as seconds since 1970."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + float(f"0.{fraction or 0}")


class Incidents:
    """Follows the collector's JSON lines and records when each detection first appeared in an incident."""

    def __init__(self, path):
        self._file = open(path, encoding="utf-8")
        self._file.seek(0, os.SEEK_END)
        self._rest = ""
        self._event = {}  # detection → time of its event
        self._reported = {}  # detection → time when an incident first contained it

    def look(self):
        now = time.time()
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for message in map(json.loads, lines):
            if "detection" in message:
                detection = message["detection"]
                if detection["rule"] == "pivot":
                    self._event.setdefault(detection["name"], seconds(detection["time"]))
            for name in message.get("incident", {}).get("detections", []):
                self._reported.setdefault(name, now)

    def late_ms(self):
        return [(self._reported[name] - event) * 1000 for name, event in self._event.items() if name in self._reported]

    def close(self):
        self._file.close()


def latency(values):
    return {"p50": round(series.percentile(values, 0.5), 3), "p99": round(series.percentile(values, 0.99), 3),
            "most": round(max(values), 3), "n": len(values)} if values else {"n": 0}


def measure(agent, collector, binaries, scratch, rates, least_seconds, log=lambda line: None):
    """{rate: {"event_to_detection_ms", "event_to_incident_ms", …}}"""
    found = {}
    agent.config["hops"] = {"watched_ports": [22, PORT]}
    agent.config["rules"] = {"pivot": {"ports": [PORT]}}
    with HopChain(binaries, scratch) as chain:
        for rate in rates:
            found[str(rate)] = _at(agent, collector, chain, rate, max(20, rate * least_seconds))
            log(f"{rate} hops a second: {found[str(rate)]['event_to_detection_ms']}")
    del agent.config["hops"], agent.config["rules"]
    return found


def _at(agent, collector, chain, rate, count):
    agent.start()
    incidents = Incidents(collector.json_path)
    over = threading.Event()

    def follow():
        while not over.wait(0.002):
            incidents.look()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        meter = usage.Meter(agent.pids())
        made = chain.go(rate, count)
        busy = meter.read()
        time.sleep(DRAIN_S)
    finally:
        over.set()
        follower.join()
        incidents.look()
        incidents.close()
        totals = agent.stop()
    late = {}  # by detection; the first log line of each counts
    for name, milliseconds in re.findall(r"detection (\w+): pivot, \w+, known after ([\d.]+) ms", agent.log()):
        late.setdefault(name, float(milliseconds))
    return {"hops": made, "event_to_detection_ms": latency(list(late.values())),
            "event_to_incident_ms": latency(incidents.late_ms()), "cpu_percent": busy["cpu_percent"],
            "wakeups_per_s": busy["wakeups_per_s"], "lost": sum(totals["lost"].values())}
