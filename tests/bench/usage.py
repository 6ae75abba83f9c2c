"""Resources that processes have used, as the kernel accounts for them."""

import os
import re
import time

CPUCLOCK_SCHED = 2
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """CPU time of all threads of a process, including ended ones, in nanoseconds."""
    return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)


def children_ns(pid):
    """CPU time of the children that the process has waited for, in nanoseconds; the resolution is a clock tick."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * TICK_NS


def name_of(pid, thread=None):
    path = f"/proc/{pid}/comm" if thread is None else f"/proc/{pid}/task/{thread}/comm"
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def sleeps(pid):
    """(thread, name) → how often the thread has gone to sleep, and so was woken."""
    counts = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8", errors="replace") as file:
                found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)
            counts[(int(thread), name_of(pid, thread))] = int(found[1])
        except FileNotFoundError:
            pass  # it ended meanwhile
    return counts


def memory_kib(pid):
    """{"rss", "pss", "anonymous"} in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        figures = dict(re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M))
    return {"rss": int(figures["Rss"]), "pss": int(figures["Pss"]), "anonymous": int(figures["Anonymous"])}


def memory_mib(pids):
    """Memory by process, and the sums. Summed RSS counts shared pages for each process; PSS counts them once."""
    each, total = {}, {"rss": 0, "pss": 0, "anonymous": 0}
    for pid in pids:
        figures = memory_kib(pid)
        each[name_of(pid)] = {kind: round(kib / 1024, 1) for kind, kib in figures.items()}
        for kind, kib in figures.items():
            total[kind] += kib
    return {**{kind: round(kib / 1024, 1) for kind, kib in total.items()}, "processes": each}


class Meter:
    """Measures CPU time and wake-ups of some processes from its construction to read()."""

    def __init__(self, pids):
        self._pids = list(pids)
        self._began = time.monotonic_ns()
        self._cpu = {pid: (cpu_ns(pid), children_ns(pid)) for pid in self._pids}
        self._sleeps = {pid: sleeps(pid) for pid in self._pids}

    def cpu_ns(self):
        return sum(cpu_ns(pid) - own + children_ns(pid) - children for pid, (own, children) in self._cpu.items())

    def read(self):
        seconds = (time.monotonic_ns() - self._began) / 1e9
        processes, threads, total, woken = {}, {}, 0, 0
        for pid in self._pids:
            own, children = self._cpu[pid]
            used = cpu_ns(pid) - own + children_ns(pid) - children
            total += used
            processes[name_of(pid)] = round(used / 1e7 / seconds, 4)
            for key, count in sleeps(pid).items():
                times = count - self._sleeps[pid].get(key, 0)
                woken += times
                name = f"{name_of(pid)}/{key[1]}"
                threads[name] = round(threads.get(name, 0) + times / seconds, 2)
        return {"seconds": round(seconds, 2), "cpu_percent": round(total / 1e7 / seconds, 4),
                "wakeups_per_s": round(woken / seconds, 2), "cpu_percent_by_process": processes,
                "wakeups_per_s_by_thread": {name: rate for name, rate in threads.items() if rate}}
