"""A guest whose clock counts instructions, one a nanosecond: its root file system and its results."""

import json
import os
import re
import shutil
import statistics

import guest  # the vm tier's, as is image
import image

HERE = os.path.dirname(os.path.abspath(__file__))
# Fixed work: enough to average out single operations, little enough for emulation, and few enough records for rings
# that nobody reads.
OPERATIONS = {"exec": 300, "tcp": 2_000, "syscall": 200_000, "open": 12_000, "udp": 4_000}
AGENT_CONFIG = """\
host: {name: guest}
state_directory: /var/lib/hoptrail
collector: {address: "unix:/run/there-is-none"}
"""


# Work while the agent runs: several times as long as the reader's longest sleep, so that its phase matters little.
LIVE = {**OPERATIONS, "exec": 1_500, "tcp": 4_000}


def all_of(count):
    """The number of operations that a load makes when `count` are requested: the warm-up makes the same ones."""
    return count + count // 10 + 1


class CountingGuest(guest.Guest):
    """`found`: sensor → mode → instructions of each pass. `output`: the output of floor and agent. `accounts`: mode →
    BPF program → (runs, instructions) until then. `worker`: mode → instructions of the worker's main thread in each
    pass of the agent."""

    # The guest's time stands still while it is idle, so that waiting counts nothing. The seed makes random numbers the
    # same in each run.
    MACHINE = ("-accel", "tcg,tb-size=512", "-icount", "shift=0,sleep=off", "-smp", "1", "-seed", "1",
               "-rtc", "base=2026-01-01T00:00:00,clock=vm")
    PARAMETERS = "nokaslr norandmaps lsm=landlock,lockdown,yama,apparmor,bpf"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.found = {}
        self.output = {}
        self.accounts = {}
        self.worker = {}

    def _evaluate(self, name, number, status, output):
        sensor, _, mode = name.partition(".")
        if not mode:
            self.output[sensor] = "\n".join(output)
            self._add(f"{sensor} ran", number, status == 0, self.output[sensor])
            return
        if sensor == "programs":
            listed = json.loads(output[0]) if status == 0 else []
            self.accounts[mode] = {program.get("name", ""): (program.get("run_cnt", 0), program.get("run_time_ns", 0))
                                   for program in listed}
            self._add(name, number, bool(listed), "\n".join(output[:20]))
            return
        lines = dict(re.findall(r"^(\w+) ([\d.]+)$", "\n".join(output), re.M))
        if status != 0 or not {"ns_per_operation", "worker_ns"} & set(lines):
            self._add(name, number, False, f"ended with {status}: " + "\n".join(output))
            return
        if "ns_per_operation" in lines:
            self.found.setdefault(sensor, {}).setdefault(mode, []).append(float(lines["ns_per_operation"]))
        if "worker_ns" in lines:
            self.worker.setdefault(mode, []).append(float(lines["worker_ns"]))

    def counts(self):
        """mode → sensor → instructions an operation: the least of all passes, because other work of the kernel only
        adds to it. For the running agent the median, because the part of a load that its reader reads before the load's
        end is random. `worker`: instructions of the worker's main thread alone."""
        found = {mode: {sensor: round((statistics.median if sensor == "agent" else min)(modes[mode]), 1)
                        for sensor, modes in self.found.items() if mode in modes}
                 for mode in OPERATIONS}
        for mode, each in self._worker_counts().items():
            found[mode]["worker"] = each
        return found

    def _worker_counts(self):
        """mode → instructions of the worker's main thread an operation, without its idle use."""
        counts = {}
        for mode in OPERATIONS:
            passes = []
            for idle, used, took in list(zip(self.worker.get("idle", []), self.worker.get(mode, []),
                                             self.found.get("agent", {}).get(mode, [])))[1:]:
                count = all_of(LIVE[mode])
                passes.append((used - idle * (1 + count * took / 1e9)) / count)
            if passes:
                counts[mode] = round(statistics.median(passes), 1)
        return counts

    def programs(self):
        """mode → BPF program → runs an operation, and instructions a run."""
        found = {}
        for (before, mode) in zip(("before", *OPERATIONS), OPERATIONS):
            found[mode] = {}
            count = all_of(OPERATIONS[mode])
            for name, now in self.accounts.get(mode, {}).items():
                runs, instructions = (a - b for a, b in zip(now, self.accounts[before].get(name, (0, 0))))
                if runs * 2 >= count:  # fewer runs come from starting the load
                    found[mode][name] = {"runs_per_operation": round(runs / count, 2),
                                         "instructions_per_run": round(instructions / runs, 1)}
        return found


def plan(operations):
    return "".join(f"{mode} {count}\n" for mode, count in operations.items())


def build(directory, agent, load_directory):
    """Builds the initramfs of all guests; returns its path."""
    root = image.RootDirectory(os.path.join(directory, "root"))
    for program in ("/usr/bin/busybox", "/usr/sbin/bpftool"):
        root.add(program)
    root.add(agent, strip=True)
    os.symlink(agent, os.path.join(root.path, "usr/bin/hoptrail-agent"))
    os.makedirs(os.path.join(root.path, "bench"))
    for name in (*OPERATIONS, "nothing", "floor"):
        program = os.path.join(load_directory, f"bench-{name}")
        shutil.copy2(program, os.path.join(root.path, "bench"))
        for library in image.libraries_of(program):
            root.add(library)
    os.makedirs(os.path.join(root.path, "etc/hoptrail"))
    os.makedirs(os.path.join(root.path, "var/lib"), exist_ok=True)
    for name, text in (("etc/hoptrail/agent.yaml", AGENT_CONFIG),
                       ("vm/plan", plan(OPERATIONS)), ("vm/plan.live", plan(LIVE))):
        with open(os.path.join(root.path, name), "w", encoding="ascii") as file:
            file.write(text)
    root.set_init(os.path.join(HERE, "counting_init"))
    archive = os.path.join(directory, "root.cpio")
    root.pack(archive)
    return archive
