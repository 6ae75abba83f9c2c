"""Real logins through the login servers that containers and small systems run: sshd that logs nothing or not to
syslog, dropbear, and tinysshd under a super-server. Each is a proven hop with its user, method and key; where method and
key cannot be seen, the host's coverage names the server."""

import os

import bench
import daemon
import hosts
import lab_test_case
import namespaces

HOST, CLIENT, USER = "db", "web", "admin"
QUIET, TO_FILE, DROPBEAR, TINYSSHD = 2201, 2202, 2203, 2204
OPTIONS = ["-i", "/root/id_servers", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
           "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes"]
# Starts a program for each connection, as inetd and tcpserver do.
SUPER_SERVER = """
import os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("", int(sys.argv[1])))
listener.listen()
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        os.dup2(connection.fileno(), 0)
        os.dup2(connection.fileno(), 1)
        os.execv(sys.argv[2], sys.argv[2:])
    connection.close()
"""


class LoginServers(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        for agent in cls.bench.agents.values():
            agent.config["hops"] = {"watched_ports": [22, QUIET, TO_FILE, DROPBEAR, TINYSSHD]}
            agent.start()
        cls.bench.wait_connected()
        cls.host, cls.client = cls.bench.fleet[HOST], cls.bench.fleet[CLIENT]
        cls._make_key()
        config = cls.host.path("/tmp/sshd_config")
        with open(config, "w", encoding="utf-8") as file:
            file.write("HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM yes\nPidFile none\n")
        cls._start(QUIET, ["/usr/sbin/sshd", "-D", "-e", "-f", "/tmp/sshd_config", "-p", str(QUIET), "-o",
                           "LogLevel=QUIET", "-o", "UsePAM=no"])
        cls._start(TO_FILE, ["/usr/sbin/sshd", "-D", "-E", "/var/log/sshd.log", "-f", "/tmp/sshd_config", "-p",
                             str(TO_FILE)])
        cls.host.run(["dropbearkey", "-t", "ed25519", "-f", "/tmp/dropbear_key"])
        cls._start(DROPBEAR, ["/usr/sbin/dropbear", "-F", "-E", "-r", "/tmp/dropbear_key", "-P", "/run/dropbear.pid",
                              "-p", str(DROPBEAR)])
        cls.host.run(["tinysshd-makekey", "-q", "/tmp/tinysshd_keys"])
        cls._start(TINYSSHD, ["python3", "-c", SUPER_SERVER, str(TINYSSHD), "/usr/sbin/tinysshd",
                              "/tmp/tinysshd_keys"])

    @classmethod
    def _make_key(cls):
        key = os.path.join(cls.bench.fleet.directory, "keys", "to-servers")
        namespaces.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        cls.fingerprint = namespaces.run(["ssh-keygen", "-lf", key]).stdout.split()[1]
        with open(key, encoding="utf-8") as file:
            cls.client.write_file("/root/id_servers", file.read(), "600")
        with open(key + ".pub", encoding="utf-8") as file, \
                open(cls.host.home(USER) + "/.ssh/authorized_keys", "a", encoding="utf-8") as keys:
            keys.write(file.read())

    @classmethod
    def _start(cls, port, command):
        """Starts a server in no login; returns once it listens."""
        log = cls.enterClassContext(open(os.path.join(cls.directory(), f"server-{port}.log"), "ab"))
        cls.host.popen(hosts.in_no_login(command), stdout=log, stderr=log)
        daemon.wait(lambda: f":{port:04X} " in cls.host.run(["cat", "/proc/net/tcp"]).stdout,
                    f"{command[0]} to listen on {port}", 20.0)

    def log_in(self, port):
        """Logs in through the server; returns the session that the collector has."""
        output = self.client.run(["ssh", *OPTIONS, "-p", str(port), f"{USER}@{HOST}", "id -un"]).stdout
        self.assertEqual(output.strip(), USER)

        # The user's shell shows the uid, which may come after the login.
        def reported():
            return [each for each in self.bench.api.sessions() if each["logged_in"] and each["host_name"] == HOST
                    and each.get("entry_flow", {}).get("server", {}).get("port") == port
                    and each["uid"] == self.host.user(USER).uid]

        sessions = daemon.wait(reported, f"the login of {USER} through port {port} to be reported", 20.0)
        self.assertEqual(len(sessions), 1)
        self.assertEqual(sessions[0]["user"], USER)
        self.check_hop(sessions[0])
        return sessions[0]

    def check_hop(self, session):
        def joined():
            return [hop for hop in self.bench.api.hops() if hop.get("client") and hop.get("server")
                    and hop["server"].get("session") == session["name"]]

        hop = daemon.wait(joined, "the hop to be joined", 20.0)[0]
        self.assertEqual(hop["proof"], "PROVEN")
        self.assertTrue(hop["server"]["opened_session"])

    def check_key(self, session):
        authentication = session["authentication"]
        self.assertEqual(authentication["method"], "PUBLIC_KEY")
        self.assertEqual(authentication["key_type"], "ED25519")
        self.assertEqual(authentication["key_fingerprint"], self.fingerprint)
        self.assertTrue(authentication["verified"])

    def misses(self):
        """The events that the probes of login servers do not see on the host."""
        sources = self.bench.api.hosts()[HOST]["coverage"]["sources"]
        return next(each for each in sources if each["source"] == "sshd decisions").get("misses", [])

    def test_sshd_that_logs_nothing_shows_method_and_key(self):
        self.check_key(self.log_in(QUIET))

    def test_sshd_that_logs_to_a_file_shows_method_and_key(self):
        self.check_key(self.log_in(TO_FILE))

    def test_dropbear_shows_method_and_key(self):
        session = self.log_in(DROPBEAR)
        self.check_key(session)
        self.assertEqual(session["authentication"]["service"], "dropbear")

    def test_tinysshd_runs_the_session_as_its_shells_user_and_is_named_in_the_coverage(self):
        self.log_in(TINYSSHD)
        missed = "method and key of logins through /usr/sbin/tinysshd"
        daemon.wait(lambda: missed in self.misses(), "the coverage to name tinysshd", 20.0)
        self.assertEqual([each for each in self.misses() if "sshd" in each and each != missed], [])
        self.assertIn(missed, self.bench.command_line().text("hosts", HOST))
