"""The programs that load the host, each pinned to one CPU."""

import contextlib
import os
import re
import subprocess
import time

import namespaces  # the lab's

MODES = ("exec", "tcp", "syscall", "open", "udp")


def tasks():
    """The number of threads on this machine, including ended ones that are not reaped yet."""
    with open("/proc/loadavg", encoding="ascii") as file:
        return int(file.read().split()[3].partition("/")[2])


class Loads:
    """The programs are in `directory`. They run on the last CPU that this process may use."""

    def __init__(self, directory):
        self._directory = directory
        self.cpu = max(os.sched_getaffinity(0))
        missing = [name for name in (*MODES, "nothing", "steady", "crowd") if not os.access(self.path(name), os.X_OK)]
        if missing:
            raise namespaces.LabError(f"{directory} lacks bench-{', bench-'.join(missing)}: build first")

    def path(self, name):
        return os.path.join(self._directory, f"bench-{name}")

    def command(self, name, *arguments):
        return ["setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", str(self.cpu), self.path(name),
                *map(str, arguments)]

    def run(self, mode, operations=None):
        """Runs a load; returns (time, CPU time) of an operation in nanoseconds."""
        done = namespaces.run(self.command(mode, *([operations] if operations else [])), timeout=600)
        found = re.fullmatch(r"ns_per_operation ([\d.]+)\ncpu_ns_per_operation ([\d.]+)\n", done.stdout)
        return float(found[1]), float(found[2])

    def run_steady(self, rate, seconds):
        """Runs the steady load; returns how many of its operations began late."""
        done = namespaces.run(self.command("steady", rate, seconds), timeout=seconds + 120)
        return int(re.fullmatch(r"late (\d+)\n", done.stdout)[1])

    @contextlib.contextmanager
    def crowd(self, processes, sockets):
        """Within the context that many processes and sockets exist."""
        before = tasks()
        command = ["setpriv", "--pdeathsig", "KILL", self.path("crowd"), str(processes), str(sockets)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=namespaces.CLEAN_ENVIRONMENT) as process:
            try:
                if process.stdout.readline() != "ready\n":
                    raise namespaces.LabError("bench-crowd could not make its processes and sockets")
                yield
            finally:
                process.stdin.close()
                process.wait()
        deadline = time.monotonic() + 120
        while tasks() > before + processes // 100 and time.monotonic() < deadline:
            time.sleep(0.2)
