"""The cost of an event when one CPU makes events as fast as it can, and the cost of each BPF program."""

import time

import machine
import sensors
import usage

# Records of a snapshot, and records that user space makes itself.
NO_EVENTS = ("process_snapshot", "socket_snapshot", "snapshot_done", "lost")
SECONDS = 4
DRAIN_S = 1.0


def events_of(totals):
    """The number of events that an ended agent has read, without those of the snapshot."""
    return sum(count for name, count in totals["read"].items() if name not in NO_EVENTS)


def work(loads):
    """Makes programs and connections as fast as one CPU can, and waits until all records are read."""
    for mode in ("exec", "tcp"):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            loads.run(mode)
    time.sleep(DRAIN_S)


def cost_of_events(agent, loads):
    """CPU time of all of the agent's processes an event, and losses."""
    agent.start()
    try:
        pids = agent.pids()
        names = {pid: usage.name_of(pid) for pid in pids}
        before = {pid: usage.cpu_ns(pid) for pid in pids}
        began = time.monotonic()
        work(loads)
        seconds = time.monotonic() - began
        used = {names[pid]: usage.cpu_ns(pid) - before[pid] for pid in pids}
        memory = usage.memory_mib(pids)
    finally:
        totals = agent.stop()
    events = events_of(totals)
    return {"cpu_us_per_event": round(sum(used.values()) / 1000 / events, 3), "events": events,
            "events_per_s": round(events / seconds),
            "cpu_us_per_event_by_process": {name: round(ns / 1000 / events, 3) for name, ns in used.items()},
            "read": totals["read"], "lost": sum(totals["lost"].values()), "lost_by_place": totals["lost"],
            "memory_mib": memory,
            "bytes_per_record": {name: round(size / totals["read"][name], 1)
                                 for name, size in totals["bytes"].items()}}


def cost_of_programs(sensor, loads, modes, operations):
    """mode → BPF program → runs an operation, and time a run."""
    found = {}
    sensor.start()
    try:
        pids = sensor.pids()
        with machine.bpf_statistics():
            for mode in modes:
                before = sensors.programs(pids)
                loads.run(mode, operations[mode])
                count = operations[mode] + operations[mode] // 10 + 1  # the warm-up runs them, too
                found[mode] = {}
                for key, (runs, ns) in sensors.programs(pids).items():
                    more, longer = (now - then for now, then in zip((runs, ns), before.get(key, (0, 0))))
                    if more * 2 >= count:  # fewer runs come from starting the load
                        found[mode][key[0]] = {"runs_per_operation": round(more / count, 2),
                                               "ns_per_run": round(longer / more, 1),
                                               "ns_per_operation": round(longer / count, 1)}
    finally:
        sensor.stop()
    return found
