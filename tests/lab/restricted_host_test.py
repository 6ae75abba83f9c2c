"""An agent on a host that restricts it: it works, or reports at once what is missing."""

import subprocess

import bench
import daemon
import intruder
import lab_test_case

# In a mount namespace of its own, so that other processes are not affected.
WITH_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")
# The capabilities of deploy/kubernetes/agent.yaml.
AS_IN_A_POD = "setpriv --bounding-set=-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search -- "


def after(script):
    """The words to put before the agent's command, so that it runs after `script`."""
    return (*WITH_OWN_MOUNTS, script, "sh")


class RestrictedHost(lab_test_case.LabTestCase):
    """gw's agent is restricted, in each test in another way; those of web, db and vault are not."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory(), start_agents=False))
        cls.agent = cls.bench.agents["gw"]

    def refusal(self, script):
        """The exit status and the error output of an agent that refuses to start."""
        done = subprocess.run(self.agent.command(*after(script)), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, env=daemon.environment())
        return done.returncode, done.stderr

    def test_missing_btf_is_reported(self):
        status, output = self.refusal('mount -t tmpfs tmpfs /sys/kernel/btf; exec "$@"')
        self.assertEqual(status, 1, output)
        self.assertIn("/sys/kernel/btf/vmlinux", output)
        self.assertIn("CONFIG_DEBUG_INFO_BTF", output)

    def test_missing_capability_is_reported(self):
        for missing, needed in (("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")):
            with self.subTest(missing=missing):
                status, output = self.refusal(f'exec setpriv --bounding-set=-{missing},-sys_admin -- "$@"')
                self.assertEqual(status, 1, output)
                self.assertIn(needed, output)

    def test_hidden_processes_and_missing_tracefs_hop_is_still_proven(self):
        script = ("mount -o remount,hidepid=invisible /proc; mount -t tmpfs tmpfs /sys/kernel/tracing;"
                  f' mount -t tmpfs tmpfs /sys/kernel/debug; exec {AS_IN_A_POD}"$@"')
        self.agent.spawn(self.agent.command(*after(script)))
        self.addCleanup(self.agent.stop)  # the other tests start it in their own way
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
