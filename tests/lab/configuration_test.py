"""Wrong configuration, a port in use, missing privileges: the program reports the fault and ends with a status by which
a service manager can distinguish them. No hosts are needed."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

import authority as authorities
import daemon
import lab_test_case

COLLECTOR = """\
listen:
  - address: {address}
    tls:
      ca_file: {ca}
      certificate_file: {certificate}
      key_file: {key}
store:
  path: {store}
"""
ADDRESS = "127.0.0.1:17443"  # replaced, or never opened
AGENT = """\
state_directory: {state}
scope:
  network_namespace: self
collector:
  address: 127.0.0.1:1
  tls:
    ca_file: {ca}
    certificate_file: {certificate}
    key_file: {key}
"""


class Configuration(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="hoptrail-lab-configuration-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = scratch.name
        cls.authority = authorities.Authority(os.path.join(cls.scratch, "certificates"))
        cls.programs = {name: daemon.find_binary(lab_test_case.binaries, f"hoptrail-{name}")
                        for name in ("agent", "collector")}
        certificate, key = cls.authority.collector("127.0.0.1")
        cls.collector = COLLECTOR.format(address=ADDRESS, ca=cls.authority.ca, certificate=certificate, key=key,
                                         store=os.path.join(cls.scratch, "store", "hoptrail.db"))
        with open("/etc/machine-id", encoding="utf-8") as file:
            cls.machine_id = file.read().strip()
        certificate, key = cls.authority.agent(cls.machine_id)
        cls.agent = AGENT.format(state=os.path.join(cls.scratch, "state"), ca=cls.authority.ca,
                                 certificate=certificate, key=key)

    def write(self, text, name="config.yaml"):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def refused(self, program, text, wrapper=()):
        """Runs a program that should refuse its configuration and end; returns its status and its error output."""
        try:
            done = subprocess.run([*wrapper, self.programs[program], "--config", self.write(text)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                                  env=daemon.environment())
        except subprocess.TimeoutExpired as late:
            self.fail(f"{program} runs with what it should refuse:\n{text}\n{late.stderr}")
        return done.returncode, done.stderr

    def check_refused(self, program, text, key, line):
        status, output = self.refused(program, text)
        self.assertEqual(status, 2, output)
        self.assertIn(key, output)
        self.assertRegex(output, rf"(?<!\d){line}(?!\d)", "the line is not named")
        self.assertNotIn("terminate called", output)

    def test_unknown_key_is_refused_by_line(self):
        self.check_refused("collector", self.collector + "retention: 3\n", "retention", 9)
        self.check_refused("agent", self.agent + "spool:\n  max_mb: 5\n", "max_mb", 11)
        self.check_refused("agent", "statedirectory: /x\n" + self.agent, "statedirectory", 1)

    def test_wrong_type_or_range_is_refused_by_line(self):
        for text, key, line in (("silent_after_seconds: soon\n", "silent_after_seconds", 9),
                                ("silent_after_seconds: 999999\n", "silent_after_seconds", 9),
                                ("silent_after_seconds: -1\n", "silent_after_seconds", 9),
                                ("rules:\n  spread: 5\n", "spread", 10),
                                ("log_level: loud\n", "log_level", 9)):
            with self.subTest(text=text):
                self.check_refused("collector", self.collector + text, key, line)
        self.check_refused("agent", self.agent + "hops:\n  watched_ports: [22, 70000]\n", "watched_ports", 11)
        self.check_refused("agent", self.agent + "kernel:\n  syscall_hooks: maybe\n", "syscall_hooks", 11)

    def test_missing_key_or_file_is_refused_by_name(self):
        status, output = self.refused("agent", "\n".join(self.agent.splitlines()[1:]))
        self.assertEqual(status, 2, output)
        self.assertIn("state_directory", output)
        status, output = self.refused("collector", self.collector.replace("store:\n", "store:\n  retention_days: 5\n")
                                    .replace("  path:", "  #"))
        self.assertEqual(status, 2, output)
        self.assertIn("path", output)
        done = subprocess.run([self.programs["agent"], "--config", "/no/such/file.yaml"], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("/no/such/file.yaml", done.stderr)

    def test_text_that_is_not_yaml_is_refused(self):
        status, output = self.refused("collector", "listen: [\n  - {\n")
        self.assertEqual(status, 2, output)

    def test_configuration_that_cannot_work_is_refused_before_loading(self):
        """--check-config and a start both name the file, the line and the key, and load nothing."""
        other = self.authority.agent("0123456789abcdef" * 2)
        own = self.authority.agent(self.machine_id)
        reader = self.authority.reader("rita")
        cases = [("agent", self.agent.replace("127.0.0.1:1", f'"{address}"'), 5, "collector.address")
                 for address in ("https://collector.example:7443", "collector.example", "2001:db8::1:7443",
                                 "${COLLECTOR}:7443", "collector.example:99999", "collector.example:0")]
        cases += [("agent", self.agent.replace(own[0], other[0]).replace(own[1], other[1]), 8, "certificate_file"),
                  ("agent", self.agent.replace(own[0], reader[0]).replace(own[1], reader[1]), 8, "certificate_file"),
                  ("agent", self.agent.replace(own[1], other[1]), 9, "key_file"),
                  ("agent", self.agent.replace(own[1], "/nowhere/agent.key"), 9, "key_file")]
        cases += [("collector", self.collector.replace(ADDRESS, f'"{address}"'), 2, "listen[0].address")
                  for address in ("127.0.0.1:99999", "127.0.0.1:0", "127.0.0.1", "::1:7443")]
        cases += [("collector", self.collector + f"json_output: {self.scratch}\n", 9, "json_output"),
                  ("collector", self.collector.replace("store:", f"  - address: {ADDRESS}\n    tls: {{ca_file: a, "
                                                       "certificate_file: b, key_file: c}\nstore:"), 7, "listen[1]")]
        for program, text, line, key in cases:
            for arguments in (["--check-config"], []):
                with self.subTest(program=program, key=key, arguments=arguments):
                    done = subprocess.run([self.programs[program], "--config", self.write(text), *arguments],
                                          capture_output=True, text=True, timeout=30, check=False)
                    self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                    self.assertRegex(done.stderr, rf"config\.yaml:{line}: [^ ]*{re.escape(key)}")
                    self.assertNotIn("hook plan", done.stderr)

    def test_key_readable_only_with_capability_is_refused(self):
        """At start root may read every file, but the worker has no capability."""
        _, key = self.authority.agent(self.machine_id)
        foreign = os.path.join(self.scratch, "foreign.key")
        shutil.copy(key, foreign)
        os.chmod(foreign, 0o600)
        os.chown(foreign, 65534, 65534)
        done = subprocess.run([self.programs["agent"], "--check-config", "--config",
                               self.write(self.agent.replace(key, foreign))],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("foreign.key: Permission denied", done.stderr)

    def test_expired_certificate_fails_the_check_but_agent_starts(self):
        """A certificate that has expired, or is not valid yet by a wrong clock, fails --check-config. A start only
        warns, because a host must not stay unwatched for it."""
        certificate, key = self.authority.expired_agent(self.machine_id)
        text = self.agent.replace(self.authority.agent(self.machine_id)[0], certificate)
        text = text.replace(self.authority.agent(self.machine_id)[1], key)
        path = self.write(text, "expired.yaml")
        done = subprocess.run([self.programs["agent"], "--check-config", "--config", path],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, "expired.yaml:8: .*certificate_file.* expired on")
        agent = daemon.Daemon("agent", os.path.join(self.directory(), "agent-expired.log"))
        self.addCleanup(agent.kill)
        agent.spawn([self.programs["agent"], "--config", path])
        agent.wait_for_log("certificate_file.* expired on")
        agent.wait_for_log("agent: watching ", 60)
        self.assertEqual(agent.stop(), 0)

    def test_port_in_use_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, output = self.refused("collector", self.collector.replace(ADDRESS, f"127.0.0.1:{port}"))
        self.assertNotEqual(status, 0)
        self.assertIn(str(port), output)

    def test_port_of_another_collector_is_refused(self):
        """gRPC shares ports by default: two collectors would each get half of the agents."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = self.collector.replace(ADDRESS, f"127.0.0.1:{port}")
        first = daemon.Daemon("collector", os.path.join(self.directory(), "first-collector.log"))
        self.addCleanup(first.kill)
        first.spawn([self.programs["collector"], "--config", self.write(text, "first.yaml")])
        daemon.wait(lambda: self.connects(port), "the first collector to listen", 20, first.failed)
        status, output = self.refused("collector", text.replace("/store/", "/other-store/"))
        self.assertNotEqual(status, 0)
        self.assertIn(str(port), output)

    @staticmethod
    def connects(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def test_missing_capability_is_reported_by_name(self):
        """An agent that may not load programs reports the capability that it lacks."""
        status, output = self.refused("agent", self.agent, ("setpriv", "--bounding-set=-all", "--inh-caps=-all",
                                                          "--ambient-caps=-all"))
        self.assertNotEqual(status, 0)
        self.assertRegex(output, r"CAP_(BPF|SYS_ADMIN|PERFMON)")

    def test_force_tier_unknown_source_or_tier_is_refused(self):
        path = self.write(self.agent)
        for argument in ("nothing=1", "accept=0", "accept=99", "accept", "accept=x"):
            done = subprocess.run([self.programs["agent"], "--config", path, "--check-config", "--force-tier", argument],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(argument, done.stderr)
            self.assertIn('"accept" (1 to ', done.stderr)
            self.assertIn('"running processes" (1 to ', done.stderr)
        good = subprocess.run([self.programs["agent"], "--config", path, "--check-config", "--force-tier", "accept=2",
                               "--force-tier=running processes=1"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(good.returncode, 0, good.stderr)

    def test_help_prints_usage(self):
        for program in (*self.programs.values(), daemon.find_binary(lab_test_case.binaries, "hoptrail")):
            done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, f"{program} --help: {done.stderr}")
            self.assertTrue(done.stdout.strip(), f"{program} --help prints nothing")
