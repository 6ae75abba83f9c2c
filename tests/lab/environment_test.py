"""The lab itself, without the product: the hosts are separate, the people do what the story says, and nothing is left
afterwards."""

import os
import signal
import subprocess
import sys
import time

import fleet as fleets
import lab_test_case
import leftovers
import namespaces
import story

BUILD_AND_WAIT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import fleet
with fleet.Fleet() as built:
    print(built.directory, flush=True)
    time.sleep(60)
"""


def is_alive(pid):
    """Whether the process lives; a zombie that init has not reaped yet does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Environment(lab_test_case.LabTestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = cls.enterClassContext(fleets.Fleet())
        cls.story = story.Story(cls.fleet, cls.transcript())
        cls.addClassCleanup(cls.story.close)
        cls.story.play()

    def test_hosts_have_own_names_ids_and_files(self):
        hosts = [self.fleet[name] for name in fleets.AGENT_HOSTS]
        self.assertEqual([host.run(["hostname"]).stdout.strip() for host in hosts], list(fleets.AGENT_HOSTS))
        machine_ids = {host.run(["cat", "/etc/machine-id"]).stdout.strip() for host in hosts}
        self.assertEqual(machine_ids, {host.machine_id for host in hosts})
        self.assertEqual(len(machine_ids), len(hosts))
        for host in hosts:
            host.run(["sh", "-c", f"echo {host.name} > /tmp/mark; mkdir -p /run/mark; echo x > /etc/mark"])
            self.assertEqual(host.run(["cat", "/tmp/mark"]).stdout.strip(), host.name)
        self.assertFalse(os.path.exists("/etc/mark") or os.path.exists("/run/mark"), "a host writes on this machine")

    def test_story_makes_the_expected_logins(self):
        steps = self.story.intruder.steps
        self.assertEqual([step.host for step in steps], story.PATH_HOSTS)
        self.assertEqual([step.user for step in steps], ["staff", "deploy", "root", "root"])
        self.assertEqual([step.method for step in steps], ["password"] + 3 * ["publickey"])
        self.assertEqual([step.client_address for step in steps],
                         ["198.51.100.7", fleets.ROUTER_INNER, "10.71.3.10", "fd71:4::20"])
        self.assertEqual(len({step.audit_session for step in steps}), 4)
        self.assertEqual(self.story.administrator.step.client_address, "203.0.113.5")

    def test_story_makes_no_other_login(self):
        """With other logins or failures the product's answers could not be compared with the story."""
        accepted = {name: len([line for line in self.fleet[name].log.lines() if " Accepted " in f" {line} "])
                    for name in fleets.AGENT_HOSTS}
        self.assertEqual(accepted, {"gw": 1, "web": 1, "db": 2, "vault": 1})
        failed = [line for line in self.fleet["gw"].log.lines() if "Failed password" in line]
        self.assertEqual(len(failed), 5)

    def test_audit_subsystem_stays_off(self):
        """Enabling it would slow every later process of this machine."""
        self.assertFalse(os.path.exists("/run/auditd.pid"))
        self.assertEqual(subprocess.run(["sh", "-c", "dmesg 2>/dev/null | grep -c 'audit: enabled'"],
                                        capture_output=True, text=True).stdout.strip() or "0", "0")


class Leftovers(lab_test_case.LabTestCase):
    def test_killed_lab_is_swept_and_living_lab_is_not(self):
        here = os.path.dirname(os.path.abspath(__file__))
        labs = [subprocess.Popen([sys.executable, "-c", BUILD_AND_WAIT, here], stdout=subprocess.PIPE, text=True)
                for _ in range(2)]
        for lab in labs:
            self.addCleanup(lab.stdout.close)
            self.addCleanup(lab.wait)
            self.addCleanup(lab.kill)
        scratch = [lab.stdout.readline().strip() for lab in labs]
        killed, living = labs
        killed.kill()
        killed.wait()
        pids = namespaces.processes(f"ht{killed.pid}-gw")
        self.assertTrue(pids, "the killed lab's sshd should have outlived it")
        self.assertEqual(leftovers.sweep(), [f"ht{killed.pid}-"])
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        self.assertFalse(os.path.exists(scratch[0]))
        self.assertTrue(os.path.exists(scratch[1]))
        self.assertIn(f"ht{living.pid}-gw", namespaces.names())

    def test_terminated_lab_cleans_up(self):
        here = os.path.dirname(os.path.abspath(__file__))
        lab = subprocess.Popen([sys.executable, os.path.join(here, "demo.py"), "--without-product"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lab.stdout.close)
        for line in lab.stdout:
            if line.startswith("Ctrl-C"):
                break
        lab.send_signal(signal.SIGTERM)
        lab.communicate(timeout=20)
        deadline = time.monotonic() + 5
        while [name for name in namespaces.names() if name.startswith(f"ht{lab.pid}-")]:
            self.assertLess(time.monotonic(), deadline, "namespaces are left")
            time.sleep(0.05)
        self.assertEqual(lab.returncode, 0)
