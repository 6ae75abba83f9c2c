"""Damaged files are quarantined under another name and logged, never deleted, and the service goes on."""

import os

import bench
import daemon
import intruder
import lab_test_case

GARBAGE = b"\xa5" * 65536
SQLITE = b"SQLite format 3\0"


def databases(directory):
    """The paths of the SQLite files in a directory."""
    found = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read(len(SQLITE)) == SQLITE:
                    found.append(path)
    return found


def damage(path):
    """Overwrites the beginning of the file, header included. Also damages the write-ahead log of a killed program,
    because SQLite would repair the file from it."""
    for each in (path, path + "-wal"):
        if os.path.exists(each):
            with open(each, "r+b") as file:
                file.write(GARBAGE)
                file.flush()
                os.fsync(file.fileno())


class DamagedFiles(lab_test_case.LabTestCase):
    """An intruder is on gw when the damage happens, and hops on after it."""

    def setUp(self):
        directory = os.path.join(self.directory(), self._testMethodName)
        self.bench = self.enterContext(bench.Bench(lab_test_case.binaries, directory))
        self.intruder = intruder.Intruder(self.bench.fleet, self.transcript())
        self.addCleanup(self.intruder.close)
        self.intruder.enter_gw()
        daemon.wait(lambda: self.login_on("gw"), "the login on gw to be known")

    def login_on(self, host):
        return [each for each in self.bench.api.sessions() if each["host_name"] == host and each["logged_in"]]

    def hop_is_seen(self):
        self.intruder.hop_to_web()
        daemon.wait(lambda: self.login_on("web"), "the login on web to be known")

    def check_kept(self, directory, damaged, program):
        """The damaged bytes are in the same directory under another name, the log names it, and a new file is in
        use."""
        kept = []
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                if not name.endswith("-wal") and file.read(4096) == GARBAGE[:4096]:
                    kept.append(name)
        self.assertEqual(len(kept), 1, f"{damaged} should be quarantined once in {os.listdir(directory)}")
        self.assertNotEqual(kept[0], os.path.basename(damaged))
        self.assertIn(kept[0], program.log(), "the log does not say where the damaged file is")
        self.assertIn(damaged, databases(directory))

    def test_damaged_store_is_quarantined(self):
        collector = self.bench.collector
        collector.stop()
        (store,) = databases(collector.store_directory)
        damage(store)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()
        self.check_kept(collector.store_directory, store, collector)

    def test_truncated_store_service_goes_on(self):
        """Half of the file is missing. The service goes on with whatever can still be read."""
        collector = self.bench.collector
        collector.kill()
        (store,) = databases(collector.store_directory)
        os.truncate(store, os.path.getsize(store) // 2)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()

    def test_empty_store_service_goes_on(self):
        collector = self.bench.collector
        collector.stop()
        (store,) = databases(collector.store_directory)
        os.truncate(store, 0)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()

    def test_damaged_spool_is_quarantined_and_loss_is_shown(self):
        agent = self.bench.agents["gw"]
        agent.kill()
        (damaged,) = databases(agent.state_directory)
        damage(damaged)
        agent.start()
        self.bench.wait_connected()
        self.hop_is_seen()
        self.check_kept(agent.state_directory, damaged, agent)
        # Its records are lost, and the host is degraded.
        daemon.wait(lambda: b"records lost since the agent started" in self.bench.health_of("gw"), "the degradation")
