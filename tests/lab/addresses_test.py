"""Addresses of the collector: an agent, confined as always, connects by every kind of address and name."""

import bench
import daemon
import fleet as fleets
import lab_test_case
import namespaces

PORT_6 = 7446  # the collector's, for every address, IPv6 or IPv4


class Addresses(lab_test_case.LabTestCase):
    """Each test changes the collector's address in gw's agent and starts the agent again."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.agent = cls.bench.agents["gw"]
        mgmt, gw = (cls.bench.fleet.namespace(name) for name in ("mgmt", "gw"))
        for namespace, link, address in ((mgmt, "bridge", f"{fleets.COLLECTOR_ADDRESS_6}/64"),
                                         (mgmt, "bridge", f"{fleets.COLLECTOR_LINK_LOCAL}/64"),
                                         (gw, "to-mgmt", "fd71:9::11/64")):
            namespaces.run(["ip", "-n", namespace, "address", "add", address, "dev", link, "nodad"])
        collector = cls.bench.collector
        collector.stop()
        collector.config["listen"].append(dict(collector.config["listen"][0], address=f"[::]:{PORT_6}"))
        collector.start()

    def setUp(self):
        self.addCleanup(self.agent.kill)

    def add_name(self, line, replace=False):
        """Adds a line to gw's /etc/hosts: appends it to the file, or replaces the file."""
        known = self.bench.fleet["gw"].run(["cat", "/etc/hosts"]).stdout
        if replace:
            self.bench.fleet["gw"].write_file("/etc/hosts", f"{known}{line}\n")
        else:
            self.bench.fleet["gw"].run(["sh", "-c", 'echo "$1" >> /etc/hosts', "name", line])

    def check_connects(self, address, **tls):
        collector = self.agent.config["collector"]
        self.agent.config["collector"] = {"address": address, "tls": {**collector["tls"], **tls}}
        try:
            self.agent.start()
            self.bench.wait_connected(["gw"], 20.0)
        finally:
            self.agent.config["collector"] = collector
        self.assertEqual(self.agent.stop(), 0)
        daemon.wait(lambda: self.bench.api.hosts()["gw"]["state"] != "CONNECTED", "the agent's stream to end")

    def test_ipv4_address_connects(self):
        self.check_connects(f"{fleets.COLLECTOR_ADDRESS}:{fleets.COLLECTOR_PORT}")

    def test_ipv6_address_connects(self):
        self.check_connects(f"[{fleets.COLLECTOR_ADDRESS_6}]:{PORT_6}")

    def test_link_local_address_with_interface_connects(self):
        self.check_connects(f"[{fleets.COLLECTOR_LINK_LOCAL}%to-mgmt]:{PORT_6}")

    def test_name_with_only_an_ipv6_address_connects(self):
        self.add_name(f"{fleets.COLLECTOR_ADDRESS_6} collector-6")
        self.check_connects(f"collector-6:{PORT_6}", server_name="collector")

    def test_name_with_mapped_ipv4_address_connects(self):
        """An IPv4-mapped IPv6 address uses IPv4 on the network."""
        self.add_name(f"::ffff:{fleets.COLLECTOR_ADDRESS} collector-mapped")
        self.check_connects(f"collector-mapped:{PORT_6}", server_name="collector")

    def test_name_with_ipv6_and_ipv4_address_tries_both(self):
        """Nobody listens on the port of the IPv6 address."""
        self.add_name(f"{fleets.COLLECTOR_ADDRESS_6} collector-both\n{fleets.COLLECTOR_ADDRESS} collector-both")
        self.check_connects(f"collector-both:{fleets.COLLECTOR_PORT}", server_name="collector")

    def test_loopback_address_connects(self):
        """The agent runs on the collector's own host."""
        enter = self.bench.fleet["gw"].enter
        mgmt = namespaces.path_of(self.bench.fleet.namespace("mgmt"))
        self.bench.fleet["gw"].enter = lambda command: [
            "nsenter", f"--net={mgmt}", "--", *[word for word in enter(command) if word != "--net"]]
        try:
            self.check_connects(f"[::1]:{PORT_6}")
            self.check_connects(f"localhost:{PORT_6}")
        finally:
            self.bench.fleet["gw"].enter = enter

    def test_name_that_resolves_only_later_connects_then(self):
        """The resolver's file is first written to, then replaced: Landlock rules are bound to the file, not to its
        path."""
        for number, replace in enumerate((False, True)):
            with self.subTest(replace=replace):
                name = f"late-{number}"
                collector = self.agent.config["collector"]
                self.agent.config["collector"] = {"address": f"{name}:{fleets.COLLECTOR_PORT}",
                                                  "tls": {**collector["tls"], "server_name": "collector"}}
                self.agent.start()
                self.agent.config["collector"] = collector
                self.agent.wait_for_log(f"no stream to {name}:.*(resolution|lookup).*{name}")
                self.add_name(f"{fleets.COLLECTOR_ADDRESS} {name}", replace)
                self.bench.wait_connected(["gw"], 60.0)
                self.assertEqual(self.agent.stop(), 0)
                daemon.wait(lambda: self.bench.api.hosts()["gw"]["state"] != "CONNECTED", "the stream to end")
