"""An agent whose state directory cannot be written: its records still arrive, in order and once; losses are counted;
the host is degraded. Meanwhile an intruder enters gw and hops on."""

import os
import time

import bench
import daemon
import intruder
import lab_test_case
from privilege_test import wait_processes

STATE = "/var/lib/hoptrail"


class StateDirectory(lab_test_case.LabTestCase):
    """gw's state directory is a file system of its own, of 3 MiB."""

    def setUp(self):
        directory = os.path.join(self.directory(), self._testMethodName)
        self.bench = self.enterContext(bench.Bench(lab_test_case.binaries, directory, start_agents=False))
        self.gw, self.agent = self.bench.fleet["gw"], self.bench.agents["gw"]
        self.gw.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", STATE])
        self.intruder = intruder.Intruder(self.bench.fleet, self.transcript())
        self.addCleanup(self.intruder.close)

    def start(self):
        for agent in self.bench.agents.values():
            agent.start()
        self.bench.wait_connected()

    def fill(self):
        self.gw.run(["dd", "if=/dev/zero", f"of={STATE}/filler", "bs=4k"], check=False)
        left = self.gw.run(["df", "--output=avail", STATE]).stdout.split()[-1]
        self.assertEqual(left, "0", "the file system is not full")

    def empty(self):
        self.gw.run(["rm", f"{STATE}/filler"])

    def host(self):
        return self.bench.api.hosts()["gw"]

    def degradations(self):
        return {each["kind"]: each["detail"] for each in self.host()["degradations"]}

    def wait_degraded(self, kind, timeout=30.0):
        daemon.wait(lambda: kind in self.degradations(), f"gw to show {kind}", timeout, self.agent.failed)
        return self.degradations()[kind]

    def wait_not_degraded(self, kind, timeout=30.0):
        daemon.wait(lambda: kind not in self.degradations(), f"gw to show {kind} no more", timeout, self.agent.failed)

    def logins(self, host):
        return [each for each in self.bench.api.sessions() if each["host_name"] == host and each["logged_in"]]

    def wait_login(self, host):
        daemon.wait(lambda: self.logins(host), f"the login on {host} to be known", 20.0, self.agent.failed)

    def wait_hop(self):
        """Waits until the hop from gw's session to web is proven."""
        daemon.wait(lambda: [hop for hop in self.bench.api.hops() if hop["proof"] == "PROVEN"
                             and hop["client"]["session"] == self.logins("gw")[0]["name"]],
                    "the hop from gw to web to be proven", 20.0, self.agent.failed)

    def lost(self, where):
        return sum(int(loss["count"]) for loss in self.host()["losses"] if loss["where"] == where)

    def test_full_while_running_loses_nothing(self):
        self.start()
        self.fill()
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.intruder.hop_to_web()
        self.wait_login("web")
        self.wait_hop()
        self.assertIn("full", self.wait_degraded("STATE_UNWRITABLE"))
        self.assertEqual(int(self.host()["lost"]), 0, "records were lost")
        self.empty()
        self.wait_not_degraded("STATE_UNWRITABLE")
        self.assertRegex(self.agent.log(), "can be written again")
        # Everything is on disk again: the next run knows the session, and does not report it as a new one.
        before = self.logins("gw")
        self.bench.restart_agent("gw")
        self.wait_hop()
        self.assertEqual([each["name"] for each in self.logins("gw")], [each["name"] for each in before])
        self.assertEqual(int(self.host()["lost"]), 0)

    def test_full_and_killed_before_records_were_sent_counts_the_loss(self):
        """The records in memory are lost and counted; open sessions are found again."""
        self.start()
        self.fill()
        self.bench.collector.kill()
        self.intruder.enter_gw()
        self.intruder.hop_to_web()
        self.agent.wait_for_log("continuing in memory")
        time.sleep(1.0)
        self.agent.kill()
        self.agent.start()
        wait_processes(self.agent)
        self.bench.collector.start()
        self.bench.wait_connected(timeout=60.0)
        self.wait_login("gw")
        self.wait_hop()
        daemon.wait(lambda: self.lost("memory") > 0, "the loss to be reported", 20.0, self.agent.failed)
        daemon.wait(lambda: int(self.host()["lost"]) > 0, "the loss in the health report", 20.0, self.agent.failed)
        self.wait_degraded("RESTARTED_WITHOUT_HISTORY")

    def test_full_and_stopped_loses_nothing(self):
        """The records in memory are sent before the end; no loss happens, and none is reported."""
        self.start()
        self.fill()
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.assertEqual(self.agent.stop(), 0)
        self.agent.start()
        wait_processes(self.agent)
        self.bench.wait_connected()
        self.intruder.hop_to_web()
        self.wait_hop()
        self.assertIn("full", self.wait_degraded("STATE_UNWRITABLE"))
        self.assertEqual(int(self.host()["lost"]), 0)
        self.assertNotIn("ENDED", [each["evidence"].get("kind") for each in self.bench.api.detections()])

    def test_full_at_start_is_written_once_there_is_room(self):
        self.fill()
        self.start()
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.wait_degraded("STATE_UNWRITABLE")
        self.empty()
        self.wait_not_degraded("STATE_UNWRITABLE")
        self.intruder.hop_to_web()
        self.wait_hop()
        self.assertIn("spool.db", self.gw.run(["ls", STATE]).stdout)

    def test_read_only_at_start_is_shown_and_hop_is_seen(self):
        self.gw.run(["mount", "-o", "remount,ro", STATE])
        self.start()
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.assertRegex(self.wait_degraded("STATE_UNWRITABLE"), "(?i)read-only")
        self.gw.run(["mount", "-o", "remount,rw", STATE])
        self.wait_not_degraded("STATE_UNWRITABLE")
        self.intruder.hop_to_web()
        self.wait_hop()

    def test_read_only_after_stop_saved_sessions_are_kept(self):
        """The state that the last run saved can still be read."""
        self.start()
        self.intruder.enter_gw()
        self.wait_login("gw")
        before = self.logins("gw")
        self.assertEqual(self.agent.stop(), 0)
        self.gw.run(["mount", "-o", "remount,ro", STATE])
        self.agent.start()
        wait_processes(self.agent)
        self.bench.wait_connected()
        self.intruder.hop_to_web()
        self.wait_hop()
        self.assertEqual(before, self.logins("gw"), "the session was reported as a new one")
        self.wait_degraded("STATE_UNWRITABLE")
        self.assertNotIn("RESTARTED_WITHOUT_HISTORY", self.degradations())
        self.gw.run(["mount", "-o", "remount,rw", STATE])
        self.wait_not_degraded("STATE_UNWRITABLE")
        self.bench.restart_agent("gw")
        self.assertEqual(before, self.logins("gw"))
        self.assertEqual(int(self.host()["lost"]), 0)

    def test_spool_file_removed_is_written_again(self):
        self.start()
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.gw.run(["sh", "-c", f"rm -f {STATE}/spool.db*"])
        self.agent.wait_for_log("spool.db was removed")
        self.intruder.hop_to_web()
        self.wait_hop()
        before = self.logins("gw")
        self.bench.restart_agent("gw")
        self.assertEqual(before, self.logins("gw"), "the new file has all that the removed one had")
        self.assertEqual(int(self.host()["lost"]), 0)

    def test_state_directory_removed_is_made_again(self):
        self.gw.run(["umount", STATE])
        self.start()
        self.gw.run(["sh", "-c", f"rm -rf {STATE}"])
        self.intruder.enter_gw()
        self.wait_login("gw")
        self.assertIn("removed", self.wait_degraded("STATE_UNWRITABLE"))
        self.intruder.hop_to_web()
        self.wait_hop()
        self.bench.restart_agent("gw")
        self.wait_not_degraded("STATE_UNWRITABLE")
        self.assertIn("spool.db", self.gw.run(["ls", STATE]).stdout)
