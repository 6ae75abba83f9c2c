"""Paths whose root is no login: a service, a container of real runc, a job of real cron, a systemd timer's job; and a
shell on a port that nobody watches. The page, the API and the command line show the root in the same words."""

import json
import os
import secrets
import time

import bench
import daemon
import fleet as fleets
import intruder
import lab_test_case
import namespaces
import units

# Crosses from gw to web and on to db.
CROSSING = f"""
{intruder.SSH} -i /home/staff/.ssh/id_web deploy@{fleets.ROUTER_OUTER} \\
  '{intruder.SSH} -i ~/.ssh/id_db root@db "sleep 1"'
"""
AS_STAFF = ["setpriv", "--reuid=2001", "--regid=2001", "--clear-groups", "--reset-env"]
SHELL_PORT = 4444
# Runs a shell on each accepted connection.
SHELL_SERVER = f"""
import os, socket
listener = socket.create_server(("0.0.0.0", {SHELL_PORT}))
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        for descriptor in range(3):
            os.dup2(connection.fileno(), descriptor)
        os.execv("/bin/sh", ["sh"])
    connection.close()
"""
SHELL_CLIENT = f"""
import socket, time
connection = socket.create_connection(("10.71.3.20", {SHELL_PORT}))
connection.sendall(b"id\\n")
connection.recv(100)
time.sleep(60)
"""


class Roots(units.UnitTestCase):
    """Each test begins a path on gw."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.gw = cls.bench.fleet["gw"]
        cls.gw.write_file("/etc/systemd/system/dump.timer", "[Timer]\nOnCalendar=daily\n")
        for agent in cls.bench.agents.values():
            agent.start()
        cls.bench.wait_connected()
        cls.gw.write_file("/srv/crossing.sh", CROSSING)
        cls.line = cls.bench.command_line(cls.bench.reader)

    def check_root(self, kind, unit, title, patience=30.0):
        """Checks the incident with that root in the API, in its page and on the command line; returns the root
        session."""
        whole = f"{title}: gw → web → db"

        def found():
            return next((each for each in self.bench.api.incidents() if each["title"] == whole), None)

        def titles():
            return [each["title"] for each in self.bench.api.incidents()]

        try:
            incident = daemon.wait(found, f"an incident called {whole}", patience)
        except TimeoutError as error:
            raise AssertionError(f"{error}; there are {titles()}") from None
        path = self.bench.api.path(incident["name"])
        root = path["steps"][0]["session"]
        self.assertEqual((root["kind"], root["unit"], root["title"]), (kind, unit, title))
        self.assertEqual([step["session"]["host_name"] for step in path["steps"]], ["gw", "web", "db"])
        self.assertTrue(path["proven"])
        self.assertEqual(root["caused_by"], "")

        def paged(deliveries):
            return [each for each in deliveries if each.accepted and each.event.get("dedup_key") == incident["name"]
                    and each.event["payload"]["summary"] == whole]

        event = paged(self.bench.pagerduty.wait_until(paged, 60.0))[-1].event
        self.assertEqual(event["payload"]["custom_details"]["path"][0]["who"], title)

        tree = self.line.text("path", incident["name"])
        self.assertIn(f"\n{whole}\n", tree)
        self.assertIn(f"\nbegins on gw: {title}\n", tree)
        self.assertIn(unit, tree)
        self.assertIn(f"gw as {title}", self.line.run("path", incident["name"], output="dot").stdout)
        self.assertIn(title, self.line.text("sessions", "--all"))
        self.assertIn(whole, self.line.text("incidents"))
        evidence = json.dumps([each["evidence"] for each in self.bench.api.detections()
                               if each["incident"] == incident["name"]], ensure_ascii=False)
        self.assertIn(f"{title}@gw → deploy@web", evidence)
        for text in (tree, evidence, json.dumps(event, ensure_ascii=False)):
            self.assertNotIn("?", text)
        return root

    def test_service_is_named_by_its_unit(self):
        group = self.group("gw", "system.slice", "backup\\x2dagent.service")
        self.start(self.gw, [*AS_STAFF, "sh", "/srv/crossing.sh"], group)
        root = self.check_root("SERVICE", "backup-agent.service", "service backup-agent.service (staff)")
        self.assertEqual((root["user"], root["uid"]), ("staff", 2001))

    def test_service_without_unit_is_named_by_program_and_user(self):
        """As on a host without systemd."""
        group = self.group("gw", "services")
        self.start(self.gw, [*AS_STAFF, "sh", "/srv/crossing.sh"], group)
        program = os.path.basename(os.path.realpath("/bin/sh"))
        self.check_root("SERVICE", "", f"service {program} (staff)")

    def test_container_is_named_by_id_and_program(self):
        """runc makes a pid namespace and control groups of its own, of the version that this machine has."""
        name = secrets.token_hex(32)
        bundle = self.gw.path("/srv/bundle")
        os.makedirs(f"{bundle}/rootfs")
        with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
            json.dump({
                "ociVersion": "1.0.2",
                "process": {"terminal": False, "user": {"uid": 2001, "gid": 2001}, "cwd": "/",
                            "args": ["sh", "/srv/crossing.sh"],
                            "env": [f"PATH={namespaces.CLEAN_ENVIRONMENT['PATH']}", "HOME=/home/staff"]},
                "root": {"path": "rootfs"},
                "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
                "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
            }, file)
        script = ("set -e; echo 4294967295 > /proc/self/loginuid; mount --make-rprivate /;"
                  " mount --rbind / /srv/bundle/rootfs; exec runc --root /run/runc run --bundle /srv/bundle \"$1\"")
        process = self.gw.popen(["unshare", "--mount", "sh", "-c", script, "run", name])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        program = os.path.basename(os.path.realpath("/bin/sh"))
        root = self.check_root("CONTAINER", name, f"container {name[:12]} running {program} (uid 2001)")
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(root["user"], "", "a container's uid was looked up in the host's accounts")

    def test_cron_job_is_named_by_program_and_user(self):
        """Real cron, with PAM, runs the job once a minute."""
        self.gw.run(["sh", "-c", "rm -f /etc/cron.d/* /etc/cron.*/*"])
        self.gw.write_file("/srv/nightly.sh", "mkdir /tmp/nightly 2>/dev/null || exit 0\n. /srv/crossing.sh\n")
        self.gw.write_file("/etc/crontab", "SHELL=/bin/sh\nMAILTO=\"\"\n* * * * * staff TOKEN=x bash /srv/nightly.sh\n")
        group = self.group("gw", "system.slice", "cron.service")
        self.start(self.gw, ["cron", "-f"], group)
        root = self.check_root("CRON", "staff/nightly.sh", "cron job nightly.sh of staff", patience=100.0)
        self.assertEqual(root["user"], "staff")
        services = [each for each in self.bench.api.sessions() if each["unit"] == "cron.service"]
        self.assertEqual([each["title"] for each in services], ["service cron.service (root)"])

    def test_timer_job_is_named_by_its_unit(self):
        group = self.group("gw", "system.slice", "dump.service")
        self.start(self.gw, [*AS_STAFF, "sh", "/srv/crossing.sh"], group)
        self.check_root("CRON", "dump.service", "scheduled job dump.service (staff)")

    def test_shell_on_a_port_that_nobody_watches_begins_on_the_host_of_its_client(self):
        """A program on web gets a shell on db's port 4444. That port is not watched, so web's agent reports the hop only
        because the collector asks for it."""
        web, db = self.bench.fleet["web"], self.bench.fleet["db"]
        for host, name, text in ((db, "server", SHELL_SERVER), (web, "client", SHELL_CLIENT)):
            host.write_file(f"/srv/{name}.py", text)
        group = self.group("web", "shells")
        self.start(db, ["python3", "/srv/server.py"], group)

        def listens():
            return f":{SHELL_PORT:04X}" in db.run(["cat", "/proc/net/tcp"]).stdout

        daemon.wait(listens, "the server to listen", 10.0)
        self.start(web, ["python3", "/srv/client.py"], group)
        session = daemon.wait(
            lambda: next((each for each in self.bench.api.sessions() if each["host_name"] == "db" and
                          int((each.get("entry_flow") or {}).get("server", {}).get("port", 0)) == SHELL_PORT), None),
            "the shell's session", 20.0)

        def whole():
            path = self.bench.api.path(session["name"])
            return path if len(path["steps"]) == 2 else None

        path = daemon.wait(whole, "the client's end", 20.0)
        self.assertEqual([step["session"]["host_name"] for step in path["steps"]], ["web", "db"])
        self.assertTrue(path["proven"])
        self.assertIn("begins on web: service ", self.line.text("path", session["name"]))
