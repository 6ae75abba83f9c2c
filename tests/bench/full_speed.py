"""What an event costs when they come as fast as one CPU can make them, and which program has it."""

import time

import machine
import sensors
import usage

# What a snapshot tells, and what user space makes itself.
NO_EVENTS = ("process_snapshot", "socket_snapshot", "snapshot_done", "lost")
SECONDS = 4
DRAIN_S = 1.0


def events_of(totals):
    """What an agent that has ended was told of, but for the snapshot."""
    return sum(count for name, count in totals["read"].items() if name not in NO_EVENTS)


def work(loads):
    """Programs and connections as fast as one CPU can make them, until all is read."""
    for mode in ("exec", "tcp"):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            loads.run(mode)
    time.sleep(DRAIN_S)


def cost_of_events(agent, loads):
    """CPU time of all of the agent's processes by record, and what was lost."""
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
    """By mode, each BPF program that ran for it: how often an operation, and how long each time."""
    found = {}
    sensor.start()
    try:
        pids = sensor.pids()
        with machine.bpf_statistics():
            for mode in modes:
                before = sensors.programs(pids)
                loads.run(mode, operations[mode])
                count = operations[mode] + operations[mode] // 10 + 1  # the warming-up runs it, too
                found[mode] = {}
                for key, (runs, ns) in sensors.programs(pids).items():
                    more, longer = (now - then for now, then in zip((runs, ns), before.get(key, (0, 0))))
                    if more * 2 >= count:  # the rest is of what starts the load
                        found[mode][key[0]] = {"runs_per_operation": round(more / count, 2),
                                               "ns_per_run": round(longer / more, 1),
                                               "ns_per_operation": round(longer / count, 1)}
    finally:
        sensor.stop()
    return found
