"""Damaged files: kept aside under another name, said in the log, never deleted, and the service goes on."""

import os

import bench
import daemon
import intruder
import lab_test_case

GARBAGE = b"\xa5" * 65536
SQLITE = b"SQLite format 3\0"


def databases(directory):
    """Paths of the SQLite files in a directory."""
    found = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read(len(SQLITE)) == SQLITE:
                    found.append(path)
    return found


def damage(path):
    """Overwrites the beginning, header included; the file keeps its length at least. The write-ahead log of a killed
    program is damaged too, since SQLite would mend the file with it."""
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
        """The damaged bytes lie under another name in the same place, the log names it, and a new file is in use."""
        kept = []
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                if not name.endswith("-wal") and file.read(4096) == GARBAGE[:4096]:
                    kept.append(name)
        self.assertEqual(len(kept), 1, f"{damaged} should be kept aside once in {os.listdir(directory)}")
        self.assertNotEqual(kept[0], os.path.basename(damaged))
        self.assertIn(kept[0], program.log(), "the log does not say where the damaged file is")
        self.assertIn(damaged, databases(directory))

    def test_damaged_store(self):
        collector = self.bench.collector
        collector.stop()
        (store,) = databases(collector.store_directory)
        damage(store)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()
        self.check_kept(collector.store_directory, store, collector)

    def test_cut_store(self):
        """Half of the file is gone: whatever can be told of it, the service goes on."""
        collector = self.bench.collector
        collector.kill()
        (store,) = databases(collector.store_directory)
        os.truncate(store, os.path.getsize(store) // 2)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()

    def test_empty_store(self):
        collector = self.bench.collector
        collector.stop()
        (store,) = databases(collector.store_directory)
        os.truncate(store, 0)
        collector.start()
        self.bench.wait_connected()
        self.hop_is_seen()

    def test_damaged_spool(self):
        agent = self.bench.agents["gw"]
        agent.kill()
        damaged = databases(agent.state_directory)
        self.assertTrue(damaged, f"no spool in {os.listdir(agent.state_directory)}")
        for path in damaged:
            damage(path)
        agent.start()
        self.bench.wait_connected()
        self.hop_is_seen()
        self.assertTrue(self.intruder.steps)
        if len(damaged) == 1:
            self.check_kept(agent.state_directory, damaged[0], agent)
        # What it held is lost, and the host's row says so.
        daemon.wait(lambda: b"records lost since the agent started" in self.bench.health_of("gw"), "the degradation")
