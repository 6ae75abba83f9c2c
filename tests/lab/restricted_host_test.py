"""An agent where the host lets it see less than usual: it works, or says at once what is missing."""

import subprocess

import bench
import daemon
import intruder
import lab_test_case

# In a mount namespace of its own, so that nobody else loses anything.
WITH_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")
# What deploy/kubernetes/agent.yaml gives it.
AS_IN_A_POD = "setpriv --bounding-set=-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search -- "


def where(script):
    """The words before the agent's own command that run it after `script`."""
    return (*WITH_OWN_MOUNTS, script, "sh")


class Surroundings(lab_test_case.LabTestCase):
    """The agents of web, db and vault are as always; gw's is another each time."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.agent = cls.bench.agents["gw"]

    def refusal(self, script):
        """What it says when it does not start, and its exit status."""
        done = subprocess.run(self.agent.command(*where(script)), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, env=daemon.environment())
        return done.returncode, done.stderr

    def test_no_type_information(self):
        status, output = self.refusal('mount -t tmpfs tmpfs /sys/kernel/btf; exec "$@"')
        self.assertEqual(status, 1, output)
        self.assertIn("/sys/kernel/btf/vmlinux", output)
        self.assertIn("CONFIG_DEBUG_INFO_BTF", output)

    def test_a_capability_is_missing(self):
        for missing, needed in (("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")):
            with self.subTest(missing=missing):
                status, output = self.refusal(f'exec setpriv --bounding-set=-{missing},-sys_admin -- "$@"')
                self.assertEqual(status, 1, output)
                self.assertIn(needed, output)

    def test_processes_are_hidden_and_tracefs_is_not_there(self):
        script = ("mount -o remount,hidepid=invisible /proc; mount -t tmpfs tmpfs /sys/kernel/tracing;"
                  f' mount -t tmpfs tmpfs /sys/kernel/debug; exec {AS_IN_A_POD}"$@"')
        self.agent.spawn(self.agent.command(*where(script)))
        for name, agent in self.bench.agents.items():
            if name != "gw":
                agent.start()
        self.bench.wait_connected()
        person = intruder.Intruder(self.bench.fleet, self.transcript())
        self.addCleanup(person.close)
        person.enter_gw()
        person.hop_to_web()

        def proven():
            logins = {each["name"] for each in self.bench.api.sessions()
                      if each["host_name"] == "gw" and each["logged_in"]}
            return [hop for hop in self.bench.api.hops()
                    if hop["proof"] == "PROVEN" and hop["client"]["session"] in logins]

        daemon.wait(proven, "the hop from gw's login to web to be proven", 20.0, self.agent.failed)
