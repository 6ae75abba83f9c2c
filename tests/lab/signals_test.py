"""SIGHUP never ends the collector: it reloads what can be reloaded, and logs what cannot."""

import json
import os
import re
import shutil
import signal

import bench
import daemon
import fake_agent
import fleet as fleets
import lab_test_case

MACHINE_ID = "5160a15" * 4 + "0000"


class Hangup(lab_test_case.SteppedTestCase):
    """One agent's stream stays open during all steps."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.collector = cls.bench.collector
        cls.agent = fake_agent.FakeAgent(cls.bench.api.client, MACHINE_ID, patience=120.0)
        cls.agent.hello()
        cls.agent.next("welcome")
        cls.sequence = 0
        cls.send_record({"session": cls.agent.session_record(1, 1)["session"]})

    @classmethod
    def send_record(cls, record):
        """Sends one record and waits until it is durable, which shows that the stream works."""
        cls.sequence += 1
        cls.agent.send({"batch": {"records": [{"sequence": cls.sequence, **record}]}})
        while cls.agent.next("acknowledgement").sequence < cls.sequence:
            pass

    def detect(self):
        """Sends a new detection; returns its name."""
        detection = self.agent.detection(1, "LOW", occurrence=str(self.sequence))
        self.send_record({"detection": detection})
        return detection["name"]

    def hang_up(self, expected):
        """Sends SIGHUP and waits for the expected log line; returns the part of the log that follows the signal."""
        before = len(self.collector.log())
        os.kill(self.pid(), signal.SIGHUP)
        daemon.wait(lambda: re.search(expected, self.collector.log()[before:]), f"the log to match {expected}", 10.0,
                    self.collector.failed)
        return self.collector.log()[before:]

    def pid(self):
        """The collector's pid: nsenter has become the collector."""
        return self.collector.process.pid

    def write_config(self, extra=""):
        with open(self.collector.config_path, "a", encoding="utf-8") as file:
            file.write(extra)

    @staticmethod
    def names_in(path):
        with open(path, encoding="utf-8") as file:
            return [json.loads(line)["detection"]["name"] for line in file if '"detection"' in line]

    def wait_for_line(self, path, name):
        daemon.wait(lambda: os.path.exists(path) and name in self.names_in(path), f"{name} in {path}")

    def step_1_repeated_sighup_collector_goes_on(self):
        for _ in range(20):
            os.kill(self.pid(), signal.SIGHUP)
        self.hang_up("configuration reloaded; nothing in it has changed")
        self.detect()
        self.assertTrue(self.collector.running())

    def step_2_rotated_json_lines_lose_no_detection(self):
        """As logrotate does: first rename and SIGHUP, then `copytruncate` without a signal."""
        path = self.collector.json_path
        sent = [self.detect()]
        self.wait_for_line(path, sent[-1])
        os.rename(path, path + ".1")
        sent.append(self.detect())
        self.wait_for_line(path + ".1", sent[-1])
        self.hang_up(f"opened {re.escape(path)}")
        sent.append(self.detect())
        self.wait_for_line(path, sent[-1])
        shutil.copy(path, path + ".2")
        os.truncate(path, 0)
        sent.append(self.detect())
        self.wait_for_line(path, sent[-1])
        found = [name for part in (path + ".1", path + ".2", path) for name in self.names_in(part)]
        self.assertEqual(found[-len(sent):], sent)
        self.assertEqual(len(set(found)), len(found))

    def step_3_bad_file_is_reported_and_not_applied(self):
        before = os.path.getsize(self.collector.config_path)
        self.write_config("retention: 3\n")
        with open(self.collector.config_path, encoding="utf-8") as file:
            line = file.read().splitlines().index("retention: 3") + 1
        log = self.hang_up("the configuration stays as it was")
        self.assertIn("retention", log)
        self.assertRegex(log, rf"(?<!\d){line}(?!\d)")
        os.truncate(self.collector.config_path, before)
        self.hang_up("configuration reloaded")
        self.detect()

    def step_4_new_certificates_are_applied(self):
        tls = self.collector.config["listen"][0]["tls"]
        for name in ("certificate_file", "key_file"):
            os.unlink(tls[name])  # the authority's script overwrites nothing
        self.bench.authority.collector(fleets.COLLECTOR_ADDRESS, "127.0.0.1", "collector")
        self.hang_up("new certificates")
        self.detect()
        self.assertEqual(self.bench.command_line().run("hosts").returncode, 0)
        self.assertNotEqual(self.bench.command_line(self.bench.authority.agent("0" * 32)).run("hosts").returncode, 0,
                            "an agent's certificate reads nothing, as before")

    def step_5_sighup_during_start_reloads(self):
        self.agent.end()
        self.collector.stop()
        self.collector.spawn(self.collector.command())
        daemon.wait(self.handles_signals, "the collector to be started", 10.0, self.collector.failed)
        os.kill(self.pid(), signal.SIGHUP)
        self.collector.wait_for_log("configuration reloaded; nothing in it has changed")
        daemon.wait(self.bench.api.answers, "the collector to answer", 10.0, self.collector.failed)
        self.assertEqual(self.collector.stop(), 0)

    def handles_signals(self):
        """Whether the collector has set up its signals: it ignores SIGPIPE when it has blocked the others."""
        with open(f"/proc/{self.pid()}/status", encoding="utf-8") as file:
            status = file.read()
        if "hoptrail-collec" not in status.splitlines()[0]:
            return False
        return int(re.search(r"^SigIgn:\s+(\w+)", status, re.M)[1], 16) & 1 << signal.SIGPIPE - 1
