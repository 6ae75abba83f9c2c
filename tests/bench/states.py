"""The agent on an idle host, on a host with many processes and sockets, and on an evenly busy host."""

import time

import machine
import namespaces  # the lab's
import sensors
import usage

CROWD_NEEDS_MIB = 7_000
PID_MAX = 4 * 32_768


def idle(agent, seconds):
    """Measures the agent on an idle host, after the work of its start has ended."""
    agent.start()
    try:
        time.sleep(5)
        meter = usage.Meter(agent.pids())
        time.sleep(seconds)
        return {**meter.read(), "memory_mib": usage.memory_mib(agent.pids()),
                "kernel_maps_mib": sensors.maps_mib(agent.pids())}
    finally:
        agent.stop()


def crowded(agent, loads, processes, sockets, seconds):
    """Measures the agent on a host with many processes and sockets, which the snapshot at its start finds."""
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
    """Measures the agent during `rate` programs and as many connections a second."""
    agent.start()
    try:
        meter = usage.Meter(agent.pids())
        late = loads.run_steady(rate, seconds)
        found = {"rate": rate, "late": late, **meter.read(), "memory_mib": usage.memory_mib(agent.pids())}
    finally:
        totals = agent.stop()
    return {**found, "records": totals["read"]}
