"""`--health` and `--live`: an agent answers the probes of its own host correctly, whatever the state of its disk, its
collector and its configuration file."""

import os
import signal
import socket
import subprocess

import bench
import daemon
import lab_test_case
from privilege_test import wait_processes

STATE = "/var/lib/hoptrail"
WITHIN = 60.0  # seconds on a machine that may be very busy


class Health(lab_test_case.SteppedTestCase):
    """One agent, whose state directory is a small file system of its own."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.agent = cls.bench.agents["web"]
        cls.host = cls.bench.fleet["web"]
        cls.host.run(["mount", "-t", "tmpfs", "-o", "size=4m", "small", STATE])

    def probe(self, flag="--health"):
        """(exit status, the line that the probe prints)."""
        done = subprocess.run([*self.agent.command(), flag], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, env=daemon.environment(), check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        return done.returncode, done.stdout.strip()

    def wait_for(self, status, words, hopeless=None):
        answer = [None]

        def matches():
            answer[0] = self.probe()
            return answer[0][0] == status and words in answer[0][1]

        try:
            daemon.wait(matches, f"--health to be {status}, {words!r}", WITHIN,
                        hopeless or self.agent.failed)
        except TimeoutError:
            self.fail(f"--health does not become {status}, {words!r}, but stays {answer[0]}")

    def fill(self):
        """Fills the file system, twice, because the agent may free some space meanwhile."""
        self.host.run(["sh", "-c", f"cat /dev/zero > {STATE}/filler 2>/dev/null; cat /dev/zero > {STATE}/filler2 "
                                   f"2>/dev/null; true"])

    def step_0_before_any_start_no_agent_runs(self):
        for flag in ("--health", "--live"):
            status, output = self.probe(flag)
            self.assertEqual(status, 1)
            self.assertIn("no agent with the configuration /etc/hoptrail/agent.yaml runs here", output)

    def step_1_ready_with_collector(self):
        self.agent.start()
        self.wait_for(0, "the collector is reached")
        self.assertEqual(self.probe("--live"), (0, "live"))

    def step_2_ready_without_collector_while_spool_works(self):
        self.bench.collector.kill()
        self.wait_for(0, "not reached, what is found is spooled")

    def step_3_not_ready_without_collector_and_spool(self):
        self.fill()
        self.wait_for(1, "the collector is not reached, and nothing can be spooled")
        self.assertEqual(self.probe("--live"), (0, "live"))

    def step_4_ready_again_with_either_of_them(self):
        self.bench.collector.start()
        self.wait_for(0, "the collector is reached")
        self.host.run(["sh", "-c", f"rm -f {STATE}/filler*"])
        self.bench.collector.kill()
        self.wait_for(0, "what is found is spooled")

    def step_5_broken_configuration_file_changes_no_answer(self):
        command = self.agent.command()  # writes a correct file
        self.host.write_file("/etc/hoptrail/agent.yaml", "no: [such\n")
        for flag in ("--health", "--live"):
            done = subprocess.run([*command, flag], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=30, env=daemon.environment(), check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def step_6_not_ready_without_kernel_events(self):
        """As with detached programs, the loader's heartbeats do not come out of the rings."""
        pids = wait_processes(self.agent)
        try:
            for role in ("supervisor", "loader"):
                os.kill(pids[role], signal.SIGSTOP)
            self.wait_for(1, "no event of the self-test for")
            self.assertEqual(self.probe("--live"), (0, "live"))
        finally:
            for role in ("loader", "supervisor"):
                os.kill(pids[role], signal.SIGCONT)
        self.wait_for(0, "the kernel's events come")

    def step_7_not_ready_when_worker_hangs(self):
        pids = wait_processes(self.agent)
        try:
            for role in ("supervisor", "worker"):
                os.kill(pids[role], signal.SIGSTOP)
            self.wait_for(1, "the agent has been silent for")
        finally:
            for role in ("worker", "supervisor"):
                os.kill(pids[role], signal.SIGCONT)
        self.wait_for(0, "the kernel's events come")

    def step_8_ready_after_worker_was_replaced(self):
        pids = wait_processes(self.agent)
        os.kill(pids["worker"], signal.SIGKILL)
        wait_processes(self.agent, but=pids["worker"])
        self.wait_for(0, "the kernel's events come")

    def step_9_stopped_agent_neither_ready_nor_live(self):
        self.agent.stop()
        for flag in ("--health", "--live"):
            status, output = self.probe(flag)
            self.assertEqual(status, 1)
            self.assertIn("it has ended", output)

    def step_10_service_manager_is_notified(self):
        """As with systemd's Type=notify: READY when the agent works, WATCHDOG while its loop runs, STOPPING at the
        end."""
        path = self.host.path("/run/notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            self.addCleanup(os.unlink, path)
            notify.settimeout(WITHIN)
            self.agent.spawn(self.agent.command("env", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=4000000"))
            messages = [notify.recv(100) for _ in range(3)]
            self.assertIn(b"READY=1", messages)
            self.assertIn(b"WATCHDOG=1", messages)
            self.agent.stop()
            notify.settimeout(5)
            while messages[-1] != b"STOPPING=1":
                messages.append(notify.recv(100))

    def step_11_all_processes_killed_health_record_is_too_old(self):
        """No process is left to report the end, but the last health record soon becomes too old."""
        self.agent.start()
        self.wait_for(0, "the kernel's events come")
        self.agent.kill()
        self.wait_for(1, "the agent has been silent for", lambda: None)
