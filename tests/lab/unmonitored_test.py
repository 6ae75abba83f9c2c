"""Hosts that report nothing. A path through a host without an agent goes on, INFERRED; a login from a host whose agent
is down says so, and is a detection; the same login with the agent up is neither."""

import bench
import daemon
import intruder
import lab_test_case
import namespaces

MIDDLE = "10.71.3.20"  # db, which has no agent at first
VAULT = "10.71.4.30"
# From db's only address that web knows: a host without an agent is known by one address.
ONWARD = (f"{intruder.SSH} -b {MIDDLE} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
          f" -i /root/.ssh/id_vault root@{VAULT}")
WITHIN = 90.0  # the grace period, and a machine that may be very busy


class Unmonitored(lab_test_case.SteppedTestCase):
    """gw → web → db → vault; db gets its agent later."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.join_by_ipv4(cls.bench.fleet)
        for name in ("gw", "web", "vault"):
            cls.bench.agents[name].start()
        cls.bench.wait_connected(("gw", "web", "vault"))
        cls.line = cls.bench.command_line(cls.bench.reader)
        cls.intruder = intruder.Intruder(cls.bench.fleet, cls.transcript())
        cls.addClassCleanup(cls.intruder.close)

    @staticmethod
    def join_by_ipv4(fleet):
        """db and vault speak IPv6 only in the lab; vault shall see the address that web connects to."""
        db, vault = fleet.namespace("db"), fleet.namespace("vault")
        namespaces.run(["ip", "-n", db, "address", "add", "10.71.4.20/24", "dev", "to-vault"])
        namespaces.run(["ip", "-n", vault, "address", "add", f"{VAULT}/24", "dev", "to-db"])
        namespaces.run(["ip", "-n", vault, "route", "add", f"{MIDDLE}/32", "via", "10.71.4.20"])

    def wait_login(self, host, but=()):
        """Waits for a login on that host, apart from the sessions of these names; returns its name."""
        def found():
            return next((each["name"] for each in self.bench.api.sessions()
                         if each["host_name"] == host and each["logged_in"] and each["name"] not in but), None)

        return daemon.wait(found, f"a login on {host}", 60.0)

    def blind_hops(self):
        return [each for each in self.bench.api.detections()
                if each["rule"] == "blind-hop" and "withdrawn" not in each["evidence"]]

    def login_from_web(self, duration):
        """A login of deploy's on db, from no session that matters; returns the session on db."""
        before = {each["name"] for each in self.bench.api.sessions()}
        web = self.bench.fleet["web"]
        process = web.popen(["setpriv", "--reuid=2002", "--regid=2002", "--clear-groups", "--reset-env", "sh", "-c",
                             f"exec {intruder.SSH} -i /home/deploy/.ssh/id_db root@db 'sleep {duration}'"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return self.wait_login("db", before)

    def step_1_path_through_a_host_without_agent_is_inferred(self):
        self.intruder.enter_gw()
        self.intruder.hop_to_web()
        self.intruder._web.run(  # pylint: disable=protected-access
            f"nohup {intruder.SSH} -i ~/.ssh/id_db root@db '{ONWARD} \"sleep 40\"' >/dev/null 2>&1 &")
        name = self.wait_login("vault")

        def whole():
            path = self.bench.api.path(name)
            return path if len(path["steps"]) == 4 else None

        path = daemon.wait(whole, "the path through db", WITHIN)
        self.assertEqual([step["session"]["host_name"] for step in path["steps"]],
                         ["gw", "web", f"{MIDDLE} (unmonitored)", "vault"])
        self.assertEqual([step["session"]["title"] for step in path["steps"]], ["staff", "deploy", "unseen", "root"])
        self.assertEqual([step["proof"] for step in path["steps"]],
                         ["PROOF_UNSPECIFIED", "PROVEN", "INFERRED", "INFERRED"])
        middle, last = path["steps"][2], path["steps"][3]
        self.assertEqual(middle["session"]["unmonitored_address"], MIDDLE)
        self.assertEqual(middle["hop"]["client"]["flow"]["server"]["address"], MIDDLE)
        self.assertEqual(last["hop"]["server"]["flow"]["client"]["address"], MIDDLE)
        self.assertGreaterEqual(last["probability"], 0.2)
        self.assertLessEqual(last["probability"], 0.9)
        self.assertFalse(path["proven"])
        self.measure("probability of the passage", f"{last['probability']:.2f}")

    def step_2_command_line_and_page_name_the_host(self):
        name = self.wait_login("vault")
        tree = self.line.text("path", name)
        self.assertIn(f"{MIDDLE} (unmonitored) as unseen", tree)
        self.assertIn("one end only (no agent at the other)", tree)
        self.assertIn("INFERRED p=0.", tree)
        self.assertIn("1 of 3 PROVEN", tree)
        title = f"gw → web → {MIDDLE} (unmonitored) → vault"

        def paged(deliveries):
            return [each for each in deliveries if each.accepted and title in each.event["payload"]["summary"]]

        event = paged(self.bench.pagerduty.wait_until(paged, 60.0))[-1].event
        steps = event["payload"]["custom_details"]["path"]
        self.assertEqual([step["host"] for step in steps], ["gw", "web", f"{MIDDLE} (unmonitored)", "vault"])
        self.assertIn("INFERRED", steps[-1]["joined"])
        self.assertEqual(self.blind_hops(), [], "the fleet never had the address")

    def step_3_login_with_both_agents_up_is_no_blind_hop(self):
        self.bench.agents["db"].start()
        self.bench.wait_connected()
        name = self.login_from_web(5)
        daemon.wait(lambda: self.bench.api.path(name)["steps"][-1]["hop"]["proof"] == "PROVEN", "the proven hop", 30.0)
        self.assertEqual(self.blind_hops(), [])

    def step_4_login_from_a_host_whose_agent_is_down_is_a_blind_hop(self):
        self.bench.agents["web"].kill()
        daemon.wait(lambda: self.bench.api.hosts()["web"]["state"] != "CONNECTED", "web's agent to be gone", 30.0)
        session = self.login_from_web(60)
        root = self.bench.api.path(session)["steps"][0]
        self.assertEqual([(each["host_name"], each["reason"]) for each in root["origin_hosts"]], [("web", "AGENT_DOWN")])
        self.assertIn("from web (its agent has been down since ", self.line.text("path", session))
        found = daemon.wait(lambda: next(iter(self.blind_hops()), None), "blind-hop", WITHIN)
        self.assertEqual((found["session"], found["severity"]), (session, "MEDIUM"))
        self.assertEqual(found["evidence"]["origin_host"], "web")
        self.assertIn("its agent has been down since ", found["summary"])
