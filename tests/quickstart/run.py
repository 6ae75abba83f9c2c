#!/usr/bin/python3
"""The quickstart tier: the README's commands, run as a new user runs them.

    run.py [--preset NAME] [--logs DIR]

Both forms of deploy/quickstart.sh are started, queried with every command that the README shows, and ended by SIGINT;
nothing may be left. The output ends with one line `N passed, N failed`.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 300  # programs are built already; a sanitizer makes them slow
STOP_SECONDS = 90


class Quickstart:
    """deploy/quickstart.sh in a process group of its own; a thread reads its output line by line."""

    def __init__(self, log, *arguments):
        self.lines = []
        self._changed = threading.Condition()
        self._log = open(log, "w", encoding="utf-8", buffering=1)
        self.process = subprocess.Popen([ROOT / "deploy/quickstart.sh", *arguments], cwd=ROOT, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._log.write(line)
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append(None)
            self._changed.notify_all()

    def wait_for(self, pattern):
        """The first line that matches. Fails if the program ends or START_SECONDS pass before."""
        deadline = time.monotonic() + START_SECONDS
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if line is None:
                        raise AssertionError(f"it ended before a line matched {pattern!r}: {self.tail()}")
                    if re.search(pattern, line):
                        return line
                seen = len(self.lines)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no line matched {pattern!r} in {START_SECONDS} s: {self.tail()}")

    def tail(self):
        return "\n".join(line for line in self.lines[-15:] if line is not None)

    def interrupt(self):
        """Sends SIGINT, as Ctrl-C does; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self._reader.join(5)
            self._log.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def processes_with(text):
    """Command lines of living processes that contain the text, without the test's own."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in command and "tests/quickstart/run.py" not in command:
                found.append(command.strip())
    return found


def ask(command, *arguments, status=0):
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == status, f"{arguments}: exit {done.returncode}: {done.stderr}"
    return done.stdout


def expect_clean_end(quickstart, state):
    status = quickstart.interrupt()
    assert status == 0, f"Ctrl-C ended it with status {status}: {quickstart.tail()}"
    left = processes_with(str(state))
    assert not left, f"still running: {left}"


def test_this_host(arguments, logs, state):
    """`deploy/quickstart.sh`: this host is connected, its coverage is reported, a second quickstart is refused."""
    port = free_port()
    quickstart = Quickstart(logs / "this-host.log", "--preset", arguments.preset, "--state", str(state),
                            "--port", str(port))
    try:
        quickstart.wait_for("^Following detections")
        hoptrail = [str(ROOT / "build" / arguments.preset / "bin/hoptrail"), "--collector",
                    f"unix:{state}/run/collector.sock"]
        hosts = ask(hoptrail, "hosts")
        assert " CONNECTED " in hosts, hosts
        coverage = ask(hoptrail, "hosts", "--coverage")
        assert "NOT SEEN BY IT" in coverage and "tp_btf/inet_sock_set_state" in coverage, coverage
        for command in ("sessions", "detections", "incidents"):
            ask(hoptrail, command)
        over_tls = [hoptrail[0], "--collector", f"127.0.0.1:{port}", "--ca", f"{state}/pki/ca.crt", "--certificate",
                    f"{state}/pki/reader-quickstart.crt", "--key", f"{state}/pki/reader-quickstart.key"]
        assert " CONNECTED " in ask(over_tls, "hosts")
        second = subprocess.run([ROOT / "deploy/quickstart.sh", "--preset", arguments.preset, "--state", str(state)],
                                capture_output=True, text=True, timeout=START_SECONDS, stdin=subprocess.DEVNULL)
        assert second.returncode == 1 and "running already" in second.stderr, second.stderr
    finally:
        expect_clean_end(quickstart, state)


def test_demonstration(arguments, logs, state):
    """`deploy/quickstart.sh --demo`: the path is printed, the README's commands work, nothing is left."""
    before = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
    quickstart = Quickstart(logs / "demo.log", "--preset", arguments.preset, "--state", str(state), "--demo")
    try:
        quickstart.wait_for("^staff from .*: gw → web → db → vault$")
        quickstart.wait_for("every hop PROVEN")
        command = shlex.split(quickstart.wait_for(r"bin/hoptrail --collector .* path [0-9a-f]+$"))
        hoptrail, incident = command[:-2], command[-1]
        quickstart.wait_for("^Ctrl-C ends")
        path = ask(hoptrail, "path", incident[:6])
        places = [path.find(f"{host} as ") for host in ("gw", "web", "db", "vault")]
        assert -1 not in places and places == sorted(places), path
        assert ask(hoptrail, "hosts").count(" CONNECTED ") == 4
        assert "staff" in ask(hoptrail, "sessions", "--all")
        assert incident in ask(hoptrail, "incidents")
        assert '"name"' in ask(hoptrail, "--output", "json", "incidents")
        assert ask(hoptrail, "--output", "dot", "path", incident).startswith("digraph")
        watch = subprocess.Popen([*hoptrail, "detections", "--watch"], stdout=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL)
        time.sleep(1)
        assert watch.poll() is None, "the watch ended by itself"
        watch.send_signal(signal.SIGINT)
        watch.wait(10)
        ask(hoptrail, "ack", incident)
        assert "ACKNOWLEDGED" in ask(hoptrail, "incidents").upper()
        ask(hoptrail, "resolve", incident)
        assert "RESOLVED" in ask(hoptrail, "incidents", "--all").upper()
    finally:
        expect_clean_end(quickstart, state)
    after = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
    assert after <= before, f"network namespaces left: {after - before}"


def main():
    # A background job of a shell inherits an ignored SIGINT, and the programs started here would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--logs", default=None)
    arguments = parser.parse_args()
    logs = pathlib.Path(arguments.logs or tempfile.mkdtemp(prefix="hoptrail-quickstart-logs-"))
    logs.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    for test in (test_this_host, test_demonstration):
        state = pathlib.Path(tempfile.mkdtemp(prefix="hoptrail-qs-", dir="/var/tmp"))
        began = time.monotonic()
        try:
            test(arguments, logs, state)
            passed += 1
            print(f"ok    {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as problem:
            failed += 1
            print(f"FAIL  {test.__name__}: {problem}", flush=True)
        finally:
            shutil.rmtree(state, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
