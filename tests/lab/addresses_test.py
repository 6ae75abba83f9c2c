"""How an agent finds its collector: by every kind of address and name, under the confinement that it always runs in."""

import bench
import daemon
import fleet as fleets
import lab_test_case
import namespaces

PORT_6 = 7446  # the collector's, for every address, IPv6 or IPv4


class Addresses(lab_test_case.LabTestCase):
    """The agent of gw has its collector's address changed and is started again, case by case."""

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

    def name(self, line, replace=False):
        """Gives gw one more line of /etc/hosts: in the file as it is, or in a new one that takes its place."""
        known = self.bench.fleet["gw"].run(["cat", "/etc/hosts"]).stdout
        if replace:
            self.bench.fleet["gw"].write_file("/etc/hosts", f"{known}{line}\n")
        else:
            self.bench.fleet["gw"].run(["sh", "-c", 'echo "$1" >> /etc/hosts', "name", line])

    def connects(self, address, **tls):
        collector = self.agent.config["collector"]
        self.agent.config["collector"] = {"address": address, "tls": {**collector["tls"], **tls}}
        try:
            self.agent.start()
            self.bench.wait_connected(["gw"], 20.0)
        finally:
            self.agent.config["collector"] = collector
        self.assertEqual(self.agent.stop(), 0)
        daemon.wait(lambda: self.bench.api.hosts()["gw"]["state"] != "CONNECTED", "the agent's stream to end")

    def test_ipv4(self):
        self.connects(f"{fleets.COLLECTOR_ADDRESS}:{fleets.COLLECTOR_PORT}")

    def test_ipv6(self):
        self.connects(f"[{fleets.COLLECTOR_ADDRESS_6}]:{PORT_6}")

    def test_link_local_with_its_interface(self):
        self.connects(f"[{fleets.COLLECTOR_LINK_LOCAL}%to-mgmt]:{PORT_6}")

    def test_name_with_an_ipv6_address_only(self):
        self.name(f"{fleets.COLLECTOR_ADDRESS_6} collector-6")
        self.connects(f"collector-6:{PORT_6}", server_name="collector")

    def test_name_with_a_mapped_ipv4_address(self):
        """Written as IPv6, spoken as IPv4."""
        self.name(f"::ffff:{fleets.COLLECTOR_ADDRESS} collector-mapped")
        self.connects(f"collector-mapped:{PORT_6}", server_name="collector")

    def test_name_with_addresses_of_both_kinds(self):
        """Nobody listens at the IPv6 address's port: the other is tried too."""
        self.name(f"{fleets.COLLECTOR_ADDRESS_6} collector-both\n{fleets.COLLECTOR_ADDRESS} collector-both")
        self.connects(f"collector-both:{fleets.COLLECTOR_PORT}", server_name="collector")

    def test_loopback(self):
        """The agent of the collector's own host."""
        enter = self.bench.fleet["gw"].enter
        mgmt = namespaces.path_of(self.bench.fleet.namespace("mgmt"))
        self.bench.fleet["gw"].enter = lambda command: [
            "nsenter", f"--net={mgmt}", "--", *[word for word in enter(command) if word != "--net"]]
        try:
            self.connects(f"[::1]:{PORT_6}")
            self.connects(f"localhost:{PORT_6}")
        finally:
            self.bench.fleet["gw"].enter = enter

    def test_name_that_resolves_late(self):
        """Whether the resolver's file is written to or replaced: the worker may read the file, not its name."""
        for number, replace in enumerate((False, True)):
            with self.subTest(replace=replace):
                name = f"late-{number}"
                collector = self.agent.config["collector"]
                self.agent.config["collector"] = {"address": f"{name}:{fleets.COLLECTOR_PORT}",
                                                  "tls": {**collector["tls"], "server_name": "collector"}}
                self.agent.start()
                self.agent.config["collector"] = collector
                self.agent.wait_for_log(f"no stream to {name}:.*(resolution|lookup).*{name}")
                self.name(f"{fleets.COLLECTOR_ADDRESS} {name}", replace)
                self.bench.wait_connected(["gw"], 60.0)
                self.assertEqual(self.agent.stop(), 0)
                daemon.wait(lambda: self.bench.api.hosts()["gw"]["state"] != "CONNECTED", "the stream to end")
