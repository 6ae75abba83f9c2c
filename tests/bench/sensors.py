"""Who watches while a load runs: nobody, the floor, or the whole agent with its collector."""

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
# Whatever ends the driver ends them.
TIED = ["setpriv", "--pdeathsig", "TERM"]


def wait_for(path, pattern, hopeless, patience=PATIENCE_S):
    """The first match in a growing file; looks often, since what it waits for is timed."""
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


class Nobody:
    """No sensor."""

    name = "none"

    def start(self):
        pass

    def stop(self):
        pass

    def pids(self):
        return []


class Floor(daemon.Daemon):
    """The least that a sensor can be; see floor/."""

    def __init__(self, binary, logs):
        super().__init__("floor", os.path.join(logs, "floor.log"))
        self._binary = binary
        self._said = {}

    def start(self):
        open(self.log_path, "w", encoding="utf-8").close()
        self.spawn([*TIED, self._binary])
        wait_for(self.log_path, "ready", self.failed)
        time.sleep(SETTLE_S)

    def stop(self, patience=PATIENCE_S):
        super().stop(patience)
        self._said = {kind: int(count) for kind, count in re.findall(r"(\w+) (\d+)", self.log())}
        return self._said


class Collector(daemon.Daemon):
    """A real one, on loopback. The only certificates are the benchmark's own."""

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
        self.wrapper = []  # what it is started by
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
        """What it said at its end, by type: `read in all: fork 12, exec 3`."""
        line = re.findall(rf"{what} in all: (.*)", self.log())[-1]
        return {name: int(count) for name, count in re.findall(r"([a-z/_]+(?: [a-z_]+)?) (\d+)", line)}

    def pids(self):
        """Supervisor, loader and worker; not the loader's children, which live for a moment only."""
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
        """fact → the hook that serves it, or None."""
        found = re.findall(r"agent:   ([^:]+): (?:(BLIND)|([\w/]+) \(tier \d\))", self.log())
        return {fact: None if blind else hook for fact, blind, hook in found}


class Stage:
    """Makes all of them in a directory of its own, and takes all down."""

    def __init__(self, binaries, load_directory, scratch, logs):
        self._scratch = scratch
        certificates = authority.Authority(os.path.join(scratch, "certificates"))
        self.collector = Collector(binaries, scratch, logs, certificates)
        self.nobody = Nobody()
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
    """What these processes hold of the kernel's BPF objects: id → the lines that the kernel says of it. `kind` is
    prog or map. There may be another sensor on the machine, with the same names."""
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
    """BPF programs, of the machine or held by these processes: (name, id) → (runs, nanoseconds)."""
    ours = None if pids is None else held(pids, "prog")
    listed = json.loads(namespaces.run(["bpftool", "--json", "prog", "show"]).stdout)
    return {(program.get("name", ""), program["id"]): (program.get("run_cnt", 0), program.get("run_time_ns", 0))
            for program in listed if ours is None or program["id"] in ours}


def maps_mib(pids):
    """What the maps take in the kernel, as it charges for them: no process's memory shows it."""
    sizes = [int(each["memlock"]) for each in held(pids, "map").values() if "memlock" in each]
    return round(sum(sizes) / 2**20, 1)
