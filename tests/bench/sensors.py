"""The sensors that may run during a load: none, the floor, or the whole agent with its collector."""

import json
import os
import re
import shutil
import time

import yaml

import authority  # the lab's, as are the others below
import daemon
import namespaces
import product

PORT = 7943
SETTLE_S = 0.5
PATIENCE_S = 60.0
# The kernel ends the programs when the driver ends.
TIED = ["setpriv", "--pdeathsig", "TERM"]


def wait_for(path, pattern, hopeless, patience=PATIENCE_S):
    """The first match in a growing file. Polls often, because the time until the match is measured."""
    deadline = time.monotonic() + patience
    while True:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = re.search(pattern, file.read())
        if found:
            return found
        trouble = hopeless()
        if trouble or time.monotonic() > deadline:
            raise namespaces.LabError(trouble or f"waited {patience} s for {pattern!r} in {path}")
        time.sleep(0.004)


class NoSensor:
    """No sensor."""

    name = "none"

    def start(self):
        pass

    def stop(self):
        pass

    def pids(self):
        return []


class Floor(daemon.Daemon):
    """The simplest possible sensor; see floor/."""

    def __init__(self, binary, logs):
        super().__init__("floor", os.path.join(logs, "floor.log"))
        self._binary = binary
        self._counts = {}

    def start(self):
        open(self.log_path, "w", encoding="utf-8").close()
        self.spawn([*TIED, self._binary])
        wait_for(self.log_path, "ready", self.failed)
        time.sleep(SETTLE_S)

    def stop(self, patience=PATIENCE_S):
        super().stop(patience)
        self._counts = {kind: int(count) for kind, count in re.findall(r"(\w+) (\d+)", self.log())}
        return self._counts


class Collector(daemon.Daemon):
    """A real collector, on loopback, with the benchmark's own certificates."""

    def __init__(self, binaries, scratch, logs, certificates):
        super().__init__("collector", os.path.join(logs, "collector.log"))
        self._binary = daemon.find_binary(binaries, "hoptrail-collector")
        self.json_path = os.path.join(logs, "detections.jsonl")
        certificate, key = certificates.collector("127.0.0.1", "127.0.0.1", "localhost")
        socket = os.path.join(scratch, "api.sock")
        self._config = os.path.join(scratch, "collector.yaml")
        with open(self._config, "w", encoding="utf-8") as file:
            yaml.safe_dump({
                "listen": [{"address": f"127.0.0.1:{PORT}", "tls": {
                    "ca_file": certificates.ca, "certificate_file": certificate, "key_file": key}},
                           {"address": f"unix:{socket}"}],
                "store": {"path": os.path.join(scratch, "store/hoptrail.db")}, "json_output": self.json_path,
                "log_level": "info"}, file)
        self._api = product.Api(socket)

    def start(self):
        self.spawn([*TIED, self._binary, "--config", self._config])
        daemon.wait(self._api.answers, "the collector to answer", PATIENCE_S, self.failed)

    def close(self):
        self.kill()
        self._api.close()


class Agent(daemon.Daemon):
    """The whole agent, watching the whole machine: supervisor, loader and worker, its spool, and its stream to the
    collector over TLS. `hooks` is never or auto."""

    def __init__(self, hooks, binaries, scratch, logs, certificates):
        super().__init__(hooks, "")
        self._logs = logs
        self._starts = 0
        self._binary = daemon.find_binary(binaries, "hoptrail-agent")
        machine_id = os.path.join(scratch, "machine-id")
        with open(machine_id, "w", encoding="ascii") as file:
            file.write("be7c" * 8 + "\n")
        certificate, key = certificates.agent("be7c" * 8)
        self.config = {
            "host": {"name": "bench", "machine_id_file": machine_id},
            "state_directory": os.path.join(scratch, f"state-{hooks}"),
            "collector": {"address": f"127.0.0.1:{PORT}", "tls": {
                "ca_file": certificates.ca, "certificate_file": certificate, "key_file": key}},
            "kernel": {"syscall_hooks": hooks},
            "log_level": "info"}
        self._config_path = os.path.join(scratch, f"agent-{hooks}.yaml")
        self.wrapper = []  # the words before the agent's own command
        self.startup_ms = []

    def start(self):
        with open(self._config_path, "w", encoding="utf-8") as file:
            yaml.safe_dump(self.config, file)
        self._starts += 1
        self.log_path = os.path.join(self._logs, f"agent-{self.name}-{self._starts}.log")
        open(self.log_path, "w", encoding="utf-8").close()
        began = time.monotonic()
        self.spawn([*TIED, *self.wrapper, self._binary, "--config", self._config_path])
        wait_for(self.log_path, r"agent: watching ", self.failed)
        self.startup_ms.append((time.monotonic() - began) * 1000)
        wait_for(self.log_path, r"uplink: connected ", self.failed)
        time.sleep(SETTLE_S)

    def stop(self, patience=PATIENCE_S):
        super().stop(patience)
        return {what: self._totals(what) for what in ("read", "bytes", "lost")}

    def _totals(self, what):
        """The counts by type that the agent logged at its end: `read in all: fork 12, exec 3`."""
        line = re.findall(rf"{what} in all: (.*)", self.log())[-1]
        return {name: int(count) for name, count in re.findall(r"([a-z/_]+(?: [a-z_]+)?) (\d+)", line)}

    def pids(self):
        """The pids of supervisor, loader and worker, without the loader's short-lived children."""
        found = []
        for pid in super().pids():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self.process.pid in (pid, parent):
                found.append(pid)
        return found

    def coverage(self):
        """event source → the hook that serves it, or None."""
        found = re.findall(r"agent:   ([^:]+): (?:(BLIND)|([\w/]+) \(tier \d\))", self.log())
        return {source: None if blind else hook for source, blind, hook in found}


class Stage:
    """Makes all sensors in a directory of its own, and stops them at its end."""

    def __init__(self, binaries, load_directory, scratch, logs):
        self._scratch = scratch
        certificates = authority.Authority(os.path.join(scratch, "certificates"))
        self.collector = Collector(binaries, scratch, logs, certificates)
        self.no_sensor = NoSensor()
        self.floor = Floor(os.path.join(load_directory, "bench-floor"), logs)
        self.agents = {hooks: Agent(hooks, binaries, scratch, logs, certificates) for hooks in ("never", "auto")}

    def __enter__(self):
        self.collector.start()
        return self

    def __exit__(self, *_):
        for sensor in (self.floor, *self.agents.values()):
            sensor.kill()
        self.collector.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def held(pids, kind):
    """The BPF objects that these processes hold: id → the lines of fdinfo. `kind` is prog or map. Names are not enough,
    because another sensor on the machine may use the same ones."""
    found = {}
    for pid in pids:
        for descriptor in os.listdir(f"/proc/{pid}/fdinfo"):
            try:
                with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii", errors="replace") as file:
                    lines = dict(line.split(":", 1) for line in file if ":" in line)
            except FileNotFoundError:
                continue
            if f"{kind}_id" in lines:
                found[int(lines[f"{kind}_id"])] = {name: value.strip() for name, value in lines.items()}
    return found


def programs(pids=None):
    """The machine's BPF programs, or those that these processes hold: (name, id) → (runs, nanoseconds)."""
    ours = None if pids is None else held(pids, "prog")
    listed = json.loads(namespaces.run(["bpftool", "--json", "prog", "show"]).stdout)
    return {(program.get("name", ""), program["id"]): (program.get("run_cnt", 0), program.get("run_time_ns", 0))
            for program in listed if ours is None or program["id"] in ours}


def maps_mib(pids):
    """The kernel memory of the maps that these processes hold, as the kernel charges it; no process's RSS shows it."""
    sizes = [int(each["memlock"]) for each in held(pids, "map").values() if "memlock" in each]
    return round(sum(sizes) / 2**20, 1)
