"""The agent on a host that does nothing, on one that holds much, and on one that is evenly busy."""

import time

import machine
import namespaces  # the lab's
import sensors
import usage

CROWD_NEEDS_MIB = 7_000
PID_MAX = 4 * 32_768


def idle(agent, seconds):
    """After a while in which what the start left to do is done."""
    agent.start()
    try:
        time.sleep(5)
        meter = usage.Meter(agent.pids())
        time.sleep(seconds)
        return {**meter.read(), "memory_mib": usage.memory_mib(agent.pids()), "kernel_maps_mib": sensors.maps_mib(agent.pids())}
    finally:
        agent.stop()


def crowded(agent, loads, processes, sockets, seconds):
    """Many processes and sockets, found by the snapshot at the start."""
    if machine.available_mib() < CROWD_NEEDS_MIB:
        raise namespaces.LabError(f"{processes} processes take {CROWD_NEEDS_MIB} MiB, and {machine.available_mib()}"
                                  " are available: run with --only without crowd")
    with machine.setting("/proc/sys/kernel/pid_max", PID_MAX), loads.crowd(processes, sockets):
        agent.start()
        try:
            time.sleep(5)
            pids = agent.pids()
            meter = usage.Meter(pids)
            time.sleep(seconds)
            return {"processes": processes, "sockets": sockets, **meter.read(), "memory_mib": usage.memory_mib(pids),
                    "kernel_maps_mib": sensors.maps_mib(pids), "startup_ms": round(agent.startup_ms[-1], 1)}
        finally:
            agent.stop()


def steady(agent, loads, rate, seconds):
    """`rate` programs and as many connections a second."""
    agent.start()
    try:
        meter = usage.Meter(agent.pids())
        late = loads.run_steady(rate, seconds)
        found = {"rate": rate, "late": late, **meter.read(), "memory_mib": usage.memory_mib(agent.pids())}
    finally:
        totals = agent.stop()
    return {**found, "records": totals["read"]}
