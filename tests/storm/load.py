"""The load generators of one host of the lab, and the light hops that must be seen in spite of them.

Load generators run in cgroups of their own (version 2 hierarchy), which are removed with them. Everything ends by
itself after a bounded time, and at once when its owner closes it.
"""

import json
import os
import signal
import subprocess

import namespaces

HOP_PORT = 2222
MOST_SECONDS = 600
CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
BINARIES = "/run/hoptrail-bin"
SESSION_PROGRAM = "/srv/storm-session"


def cgroup_root():
    for root in CGROUP_ROOTS:
        if all(os.path.exists(os.path.join(root, name)) for name in ("cgroup.procs", "cgroup.controllers")):
            return root
    raise namespaces.LabError(f"no version 2 cgroups at {' or '.join(CGROUP_ROOTS)}")


class LoadGenerator:
    """One run of the load generator on a host, in `cgroups` cgroups. With `through`, a pair of another host and the
    address under which that host reaches this one, it runs within a light login from there."""

    def __init__(self, host, kinds, cgroups, through=None):
        self._cgroups = [os.path.join(cgroup_root(), f"hoptrail-storm-{os.getpid()}-{id(self):x}-{number}")
                         for number in range(cgroups)]
        for path in self._cgroups:
            os.mkdir(path)
        command = [f"{BINARIES}/storm-load", str(MOST_SECONDS), kinds, "-", *self._cgroups]
        if through:
            origin, address = through
            command = [f"{BINARIES}/storm-hop", "run", address, str(HOP_PORT), "echo $$; exec " + " ".join(command)]
            host = origin
        self._process = host.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # All hosts share this machine's pids.
        self._pid = int(self._process.stdout.readline()) if through else self._process.pid

    def stop(self, patience=120):
        """Ends the generator and returns how many records of each type it made, itself included."""
        os.kill(self._pid, signal.SIGTERM)
        output, errors = self._process.communicate(timeout=patience)
        if self._process.returncode != 0:
            raise namespaces.LabError(f"the load generator failed: {output}{errors}")
        self.close()
        made = json.loads(output)
        made["exec"] += 1  # nsenter or the session's shell becomes it: no fork
        made["exit"] += 1
        return made

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for path in self._cgroups:
            # Workers die with their parent, but not in the same moment.
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    subprocess.run(["sleep", "0.05"], check=False)
        self._cgroups = []


class HopServer:
    """Light logins: each connection to HOP_PORT becomes a login of `uid`."""

    def __init__(self, host, binaries, uid):
        with open(os.path.join(binaries, "storm-hop"), "rb") as program:
            content = program.read()
        target = host.path(SESSION_PROGRAM)
        with open(target, "wb") as file:
            file.write(content)
        os.chmod(target, 0o755)
        script = 'echo 4294967295 > /proc/self/loginuid; exec "$@"'
        self._process = host.popen(["sh", "-c", script, "serve", f"{BINARIES}/storm-hop", "serve", str(HOP_PORT),
                                    str(uid), SESSION_PROGRAM], stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise namespaces.LabError(f"{host.name}: the hop server did not start")

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class LightHops:
    """`count` light hops from `host` into `first` and on into `second` (addresses), one after the other."""

    def __init__(self, host, count, first, second):
        self._process = host.popen([f"{BINARIES}/storm-hop", "go", str(count), first, str(HOP_PORT), second,
                                    str(HOP_PORT)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, patience):
        """For each hop that was made: (its client port, audit session on the first host, client port of the hop
        onward, audit session on the second)."""
        output, errors = self._process.communicate(timeout=patience)
        if self._process.returncode != 0:
            raise namespaces.LabError(f"the hops ended with {self._process.returncode}: {errors}")
        return [tuple(map(int, line.split())) for line in output.splitlines()]

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
