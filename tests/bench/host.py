#!/usr/bin/python3
"""Measures the cost of the sensor on this machine.

    host.py --build DIR [--json FILE] [--pairs N] [--only NAME,…] [--logs DIR]

NAME is a load (exec, tcp, syscall, open, udp: each runs alternately without and with a sensor), or a measurement with
the agent alone: events, profile, allocations, programs, idle, steady, hops, crowd. Needs root and a machine that is
otherwise idle.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0:0] = [HERE, os.path.join(os.path.dirname(HERE), "lab")]

import full_speed  # noqa: E402
import hops  # noqa: E402
import loads as load_programs  # noqa: E402
import machine  # noqa: E402
import rounds  # noqa: E402
import sensors  # noqa: E402
import series  # noqa: E402
import stages  # noqa: E402
import states  # noqa: E402

ALONE = ("events", "profile", "allocations", "programs", "idle", "steady", "hops", "crowd")
TOOLS = ("setpriv", "taskset", "perf", "nsenter", "ip", "bpftool", "openssl")
CROWD = 50_000
OPERATIONS = {"exec": 1_000, "tcp": 5_000, "syscall": 200_000, "open": 50_000, "udp": 10_000}
RATE = 500
STATE_S = 30
HOPS_RATES = (1, 10, 100)
HOPS_S = 15


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build's directory")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--pairs", type=int, default=25, help="runs of each load with each sensor (default 25)")
    parser.add_argument("--only", help=f"of {','.join((*load_programs.MODES, *ALONE))}")
    parser.add_argument("--logs", help="keep every log here")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else [*load_programs.MODES, *ALONE]
    unknown = set(options.only) - {*load_programs.MODES, *ALONE}
    if unknown or options.pairs < 2:
        parser.error(f"--only: {', '.join(unknown)} is not known" if unknown else "--pairs: at least 2")
    return options


def say(line):
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


class Run:
    """Fills `found`, step by step, and writes it to the file after each step."""

    def __init__(self, options, stage, loads, scratch):
        self._options = options
        self._stage = stage
        self._loads = loads
        self._scratch = scratch
        self._agent = stage.agents["auto"]  # the default configuration
        self.found = {"machine": machine.facts(), "date": time.strftime("%Y-%m-%d", time.gmtime()),
                      "build": os.path.basename(options.build.rstrip("/")), "pairs": options.pairs,
                      "load_average": {"before": machine.load_average()},
                      # There should be none: another sensor would slow this machine, too.
                      "programs_of_others": sorted({name for name, _ in sensors.programs()})}

    def modes(self):
        return [mode for mode in load_programs.MODES if mode in self._options.only]

    def keep(self, part):
        self.found.update(part)
        self.found["load_average"]["after"] = machine.load_average()
        if self._options.json:
            with open(self._options.json + ".new", "w", encoding="utf-8") as file:
                json.dump(self.found, file, indent=1)
                file.write("\n")
            os.rename(self._options.json + ".new", self._options.json)

    def play(self):
        if self.modes():
            turns = rounds.Rounds(self._loads, self._stage.no_sensor,
                                  [self._stage.agents["never"], self._stage.agents["auto"], self._stage.floor],
                                  self.modes(), say)
            turns.play(self._options.pairs)
            self.keep(turns.results())
            self.keep({"startup_ms": series.summary(self._agent.startup_ms, 1)})
        for name in ALONE:
            if name in self._options.only:
                say(name)
                getattr(self, name)()

    def events(self):
        found = full_speed.cost_of_events(self._agent, self._loads)
        self.keep({"cpu_us_per_event": found["cpu_us_per_event"], "lost": found["lost"],
                   "bytes_per_record": found.pop("bytes_per_record"), "full_speed": found})

    def _work(self):
        full_speed.work(self._loads)

    def profile(self):
        work = {"full speed": self._work, "steady": lambda: self._loads.run_steady(RATE, STATE_S)}
        self.keep({"profile": {name: stages.profile(self._agent, do, self._scratch) for name, do in work.items()}})

    def allocations(self):
        library = os.path.join(self._options.build, "bench/allocations.so")
        self.keep({"allocations": stages.allocations(self._agent, self._work, library, self._scratch,
                                                       full_speed.events_of)})

    def programs(self):
        modes = self.modes() or load_programs.MODES
        self.keep({"programs": {
            sensor.name: full_speed.cost_of_programs(sensor, self._loads, modes, OPERATIONS)
            for sensor in (self._stage.agents["never"], self._agent, self._stage.floor)}})
        self.keep({"coverage": {name: agent.coverage() for name, agent in self._stage.agents.items()}})

    def idle(self):
        found = states.idle(self._agent, STATE_S)
        self.keep({"idle": found})
        self._memory("idle", found)

    def crowd(self):
        found = states.crowded(self._agent, self._loads, CROWD, CROWD, STATE_S)
        self.keep({"crowd": found})
        self._memory("crowd", found)

    def _memory(self, name, found):
        self.keep({"rss_mib": {**self.found.get("rss_mib", {}), name: found["memory_mib"]["rss"]},
                   "pss_mib": {**self.found.get("pss_mib", {}), name: found["memory_mib"]["pss"]}})

    def steady(self):
        self.keep({"steady": states.steady(self._agent, self._loads, RATE, STATE_S)})

    def hops(self):
        found = hops.measure(self._agent, self._stage.collector, os.path.join(self._options.build, "bin"),
                             self._scratch, HOPS_RATES, HOPS_S, say)
        self.keep({"hops": found, "event_to_detection_ms": found[str(HOPS_RATES[-1])]["event_to_detection_ms"],
                   "event_to_incident_ms": found[str(HOPS_RATES[-1])]["event_to_incident_ms"]})

    def print_figures(self):
        for mode in self.modes():
            row = self.found[mode]
            for text, pick in ((f"{row['without_ns']['median']:>9.0f} ns", lambda each: each),
                               ("CPU         ", lambda each: each["cpu"])):
                figures = ((name, pick(row[name])) for name in ("none", "floor", "never", "auto"))
                say(f"{mode:8} {text}  " + "  ".join(
                    f"{name} {each['median']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" for name, each in figures))
        for name in ("startup_ms", "cpu_us_per_event", "lost", "rss_mib", "pss_mib", "event_to_detection_ms",
                     "event_to_incident_ms"):
            if name in self.found:
                say(f"{name}: {json.dumps(self.found[name])}")
        for name in ("idle", "crowd", "steady"):
            if name in self.found:
                say(f"{name}: {self.found[name]['cpu_percent']} % of a CPU,"
                    f" {self.found[name]['wakeups_per_s']} wake-ups a second")


def main():
    options = parse()
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if os.geteuid() != 0 or missing:
        print("the benchmark needs " + (f"these programs: {', '.join(missing)}" if missing else "root"), file=sys.stderr)
        return 1
    machine.unwind_on_signals()
    os.umask(0o022)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    options.build = os.path.abspath(options.build)
    scratch = tempfile.mkdtemp(prefix="hoptrail-bench-", dir="/var/tmp")
    logs = os.path.abspath(options.logs or os.path.join(options.build, "bench-logs"))
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    loads = load_programs.Loads(os.path.join(options.build, "bench"))
    programs, load_directory = os.path.join(options.build, "bin"), os.path.join(options.build, "bench")
    with sensors.Stage(programs, load_directory, scratch, logs) as stage:
        run = Run(options, stage, loads, scratch)
        run.play()
    run.print_figures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
