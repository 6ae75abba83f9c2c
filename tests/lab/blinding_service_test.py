"""`blinding` while nobody is logged in: what an exploited service does to an agent is a detection with what preceded it;
what a service manager, a package manager, the network or the power does pages nobody."""

import io
import os
import sqlite3
import tarfile
import time

import bench
import daemon
import hosts
import lab_test_case
import namespaces
from privilege_test import wait_processes

WITHIN = 60.0  # seconds on a machine that may be very busy; the real duration is printed
PORT = 8080
# A service with a command injection: runs each line that it gets as a program of its own.
SERVICE = f"""
import socket, subprocess
listener = socket.create_server(("0.0.0.0", {PORT}))
while True:
    connection, _ = listener.accept()
    command = connection.makefile().readline()
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True)
    connection.sendall(done.stdout + b"done\\n")
    connection.close()
"""
EXPLOIT = f"""
import socket, sys
connection = socket.create_connection(("10.71.3.20", {PORT}))
connection.sendall(sys.argv[1].encode() + b"\\n")
connection.makefile().read()
"""
PYTHON = "/usr/bin/python3"
# As in packages, whose scripts must not fail on a machine that systemd does not run. Here it never does: that the command
# was started is what the agent sees, and the step waits for its detection.
POSTINST = "#!/bin/sh\nsystemctl restart hoptrail-agent || true\n"


class WithoutLogin:
    """A bench, and what its detections are."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.db, cls.agent = cls.bench.fleet["db"], cls.bench.agents["db"]
        for agent in cls.bench.agents.values():
            agent.config["hops"] = {"watched_ports": [22, PORT]}
            agent.start()
        cls.bench.wait_connected()

    def blindings(self):
        """The detections of `blinding` by (kind or method, time)."""
        return {(each["evidence"].get("method") or each["evidence"]["kind"], each["time"]): each
                for each in self.bench.api.detections() if each["rule"] == "blinding"}

    def wait_for(self, kind, before, began):
        def found():
            return next((each for key, each in self.blindings().items() if key[0] == kind and key not in before), None)

        detection = daemon.wait(found, f"a detection of kind {kind}", WITHIN)
        self.measure(f"{kind} to the detection", f"{time.time() - began:.1f} s")
        return detection

    def start_again(self, agent=None):
        agent = agent or self.agent
        name = agent.host.name
        before = self.bench.api.hosts()[name].get("agent_start_time")
        agent.start()
        daemon.wait(lambda: self.bench.api.hosts()[name].get("agent_start_time") != before, "the next agent", 30.0,
                    agent.failed)
        self.bench.wait_connected([name])
        wait_processes(agent)

    @staticmethod
    def wipe(agent):
        for name in os.listdir(agent.state_directory):
            os.unlink(os.path.join(agent.state_directory, name))

    def start_service(self, command, host=None):
        process = (host or self.db).popen(hosts.in_no_login(command))
        self.addClassCleanup(process.wait)
        self.addClassCleanup(process.kill)
        return process


class ExploitedService(WithoutLogin, lab_test_case.SteppedTestCase):
    """The service on db is exploited from web. Nobody is logged in anywhere."""

    def exploit(self, command):
        self.bench.fleet["web"].run([PYTHON, "-c", EXPLOIT, command])

    def kill_all(self):
        pids = wait_processes(self.agent)
        began = time.time()
        self.exploit("kill -9 " + " ".join(str(pids[role]) for role in ("supervisor", "loader", "worker")))
        self.agent.process.wait(20)
        daemon.wait(lambda: not self.agent.pids(), "the agent's processes to be gone")
        return began

    def check_suspect(self, detection):
        self.assertIn("service python3", detection["evidence"]["suspect"])
        self.assertIn("python3", next(each["title"] for each in self.bench.api.sessions()
                                      if each["name"] == detection["session"]))
        self.assertIn("web", detection["evidence"]["last_hops_in"])

    def step_0_service_runs(self):
        self.start_service([PYTHON, "-c", SERVICE])
        daemon.wait(lambda: self.db.run(["ss", "-Hlt", f"sport = :{PORT}"]).stdout, "the service to listen")
        self.exploit("id")
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop.get("server", {}).get("host_name") == "db"
                             or str(PORT) in str(hop)], "the connection to the service", 20.0)
        self.assertEqual(self.blindings(), {})

    def step_1_all_killed_by_the_service_next_run_reports(self):
        before = self.blindings()
        began = self.kill_all()
        self.start_again()
        detection = self.wait_for("ended", before, began)
        self.assertEqual(detection["severity"], "HIGH")
        self.assertIn("nobody was logged in", detection["summary"])
        self.check_suspect(detection)

    def step_2_is_paged(self):
        incident = daemon.wait(lambda: next(iter(self.bench.api.incidents()), None), "the incident", 20.0)
        self.bench.pagerduty.wait_until(
            lambda deliveries: any(each.accepted and incident["name"] in each.event["dedup_key"]
                                   for each in deliveries), WITHIN)

    def step_3_killed_and_state_wiped_and_restarted_within_three_seconds(self):
        before = self.blindings()
        began = self.kill_all()
        self.wipe(self.agent)
        time.sleep(max(0.0, began + 2.0 - time.time()))
        self.start_again()
        detection = self.wait_for("state-lost", before, began)
        self.assertEqual(detection["severity"], "HIGH")
        self.check_suspect(detection)
        self.assertEqual([key for key in self.blindings() if key not in before and key[0] == "silent"], [])

    def step_4_killed_and_marker_removed_and_restarted(self):
        before = self.blindings()
        began = self.kill_all()
        os.unlink(os.path.join(self.agent.state_directory, "running"))
        self.start_again()
        self.check_suspect(self.wait_for("restarted", before, began))

    def step_5_supervisor_killed_host_names_the_service(self):
        before = self.blindings()
        pids = wait_processes(self.agent)
        began = time.time()
        self.exploit(f"kill -9 {pids['supervisor']}")
        self.agent.process.wait(20)
        detection = self.wait_for("signal 9", before, began)
        self.assertEqual(detection["severity"], "HIGH")
        title = next(each["title"] for each in self.bench.api.sessions() if each["name"] == detection["session"])
        self.assertIn("python3", title)
        self.start_again()

    def step_6_asked_to_end_by_the_service(self):
        before = self.blindings()
        pids = wait_processes(self.agent)
        began = time.time()
        self.exploit(f"kill {pids['supervisor']}")
        self.agent.process.wait(20)
        detection = self.wait_for("goodbye", before, began)
        self.assertEqual(detection["severity"], "HIGH")
        self.assertEqual(detection["title"], "A process of a service or job ended the sensor")
        self.check_suspect(detection)
        self.start_again()

    def step_7_killed_and_not_started_again(self):
        before = self.blindings()
        began = self.kill_all()
        detection = self.wait_for("silent", before, began)
        self.assertEqual(detection["severity"], "MEDIUM")
        self.assertIn("its connection was broken by its host", detection["summary"])
        self.check_suspect(detection)


class Spool(WithoutLogin, lab_test_case.SteppedTestCase):
    """The spool holds records that the collector does not have."""

    def fill_spool(self):
        """Stops the collector until db's spool holds some records."""
        self.bench.collector.kill()
        daemon.wait(lambda: len(self.spooled()) >= 4, "records in the spool", 60.0)

    def spooled(self):
        with sqlite3.connect(os.path.join(self.agent.state_directory, "spool.db"), timeout=10) as database:
            return [row[0] for row in database.execute("SELECT sequence FROM records ORDER BY sequence")]

    def step_1_records_removed_from_the_running_agents_spool(self):
        self.fill_spool()
        before, began = self.spooled(), time.time()
        with sqlite3.connect(os.path.join(self.agent.state_directory, "spool.db"), timeout=10) as database:
            database.execute("DELETE FROM records WHERE sequence IN (?, ?)", before[1:3])
        self.bench.collector.start()
        detection = self.wait_for("records-missing", {}, began)
        self.assertEqual(detection["severity"], "MEDIUM")
        self.assertIn("at least 2 records", detection["summary"])

    def step_2_spool_truncated_while_the_agent_was_down(self):
        self.fill_spool()
        began = time.time()
        self.assertEqual(self.agent.stop(), 0)
        for name in os.listdir(self.agent.state_directory):
            if name.startswith("spool.db"):
                os.truncate(os.path.join(self.agent.state_directory, name), 0)
        self.bench.collector.start()
        self.start_again()
        self.assertEqual(self.wait_for("loss spool/removed", {}, began)["severity"], "MEDIUM")


class WorkingDay(WithoutLogin, lab_test_case.SteppedTestCase):
    """Nothing here pages anybody."""

    def check_no_page(self):
        self.assertEqual([each["title"] for each in self.bench.api.incidents()], [])
        self.assertEqual(self.bench.pagerduty.deliveries(), [])

    def kinds(self):
        return sorted(kind for kind, _ in self.blindings())

    def link(self, name, up):
        namespaces.run(["ip", "-n", self.bench.fleet.namespace("mgmt"), "link", "set", f"to-{name}",
                        "up" if up else "down"])

    def step_1_restart_by_the_service_manager_is_no_detection(self):
        self.assertEqual(self.agent.stop(), 0)
        self.start_again()
        time.sleep(4)
        self.assertEqual(self.kinds(), [])

    def step_2_network_cut_for_nine_seconds_is_no_detection(self):
        self.link("db", False)
        time.sleep(9)
        self.link("db", True)
        time.sleep(12)
        self.bench.wait_connected(["db"])
        self.assertEqual(self.kinds(), [])

    def step_3_upgrade_by_dpkg_is_low(self):
        """The package's script asks process 1 to restart the agent. In the lab the harness does so."""
        package = self.db.path("/srv/agent.deb")
        with open(package, "wb") as file:
            file.write(build_package(POSTINST))
        for name in ("info", "updates", "triggers"):
            os.makedirs(self.db.path(f"/var/lib/dpkg/{name}"))
        for name in ("status", "available"):
            open(self.db.path(f"/var/lib/dpkg/{name}"), "w", encoding="utf-8").close()
        self.db.run(hosts.in_no_login(["dpkg", "--install", "/srv/agent.deb"]))
        began = time.time()
        self.assertEqual(self.agent.stop(), 0)
        detection = self.wait_for("goodbye", {}, began)
        self.assertEqual((detection["severity"], detection["title"]), ("LOW", "A package manager ended the sensor"))
        self.assertIn("of /usr/bin/dpkg", detection["summary"])
        self.start_again()

    def step_4_restart_by_configuration_management_is_low(self):
        agent = self.bench.agents["web"]
        began = time.time()
        before = self.blindings()
        self.start_service(["sh", "-c", "systemctl restart hoptrail-agent; sleep 60"], agent.host)
        time.sleep(1)
        self.assertEqual(agent.stop(), 0)
        detection = self.wait_for("goodbye", before, began)
        self.assertEqual(detection["severity"], "LOW")
        self.assertIn("systemctl restart hoptrail-agent", detection["summary"])
        self.start_again(agent)

    def step_5_new_installation_is_low(self):
        began = time.time()
        before = self.blindings()
        self.assertEqual(self.agent.stop(), 0)
        self.wipe(self.agent)
        self.start_again()
        self.assertEqual(self.wait_for("state-lost", before, began)["severity"], "LOW")

    def step_6_power_cut_is_low(self):
        """For the collector, a machine without power is one whose network is cut."""
        began = time.time()
        before = self.blindings()
        self.link("db", False)
        detection = self.wait_for("silent", before, began)
        self.link("db", True)
        self.assertEqual(detection["severity"], "LOW")
        self.assertNotIn("suspect", detection["evidence"])
        self.bench.wait_connected(["db"])

    def step_7_nobody_was_paged(self):
        self.check_no_page()


def build_package(script):
    """A Debian package without files, so that nothing of this machine changes."""
    def archive(members):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, text, mode in members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(text), mode
                tar.addfile(info, io.BytesIO(text.encode()))
        return buffer.getvalue()

    control = ("Package: hoptrail-agent-for-the-lab\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\n"
               "Description: a package without files\n")
    members = {"debian-binary": b"2.0\n",
               "control.tar.gz": archive([("./control", control, 0o644), ("./postinst", script, 0o755)]),
               "data.tar.gz": archive([])}
    whole = b"!<arch>\n"
    for name, data in members.items():
        whole += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return whole
