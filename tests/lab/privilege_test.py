"""The agent's processes: their privileges, read from /proc, and the effect of killing or stopping one of them."""

import functools
import os
import re
import signal

import bench
import daemon
import lab_test_case
import story

ALL = {"supervisor": "hoptrail-agent", "loader": "hoptrail-loader", "worker": "hoptrail-worker"}
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
BPF, PERFMON, SYS_PTRACE, SYS_ADMIN = 1 << 39, 1 << 38, 1 << 19, 1 << 21
DAC_READ_SEARCH = 1 << 2


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def status_of(pid):
    return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)


def processes(agent):
    """The pids of the agent's processes by role; {} while one of them is missing."""
    found = {}
    parents = {}
    for pid in agent.pids():
        try:
            status = status_of(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[pid] = int(status["PPid"])
        for role, comm in ALL.items():
            if comm == status["Name"] and status["State"][0] != "Z":
                found.setdefault(role, []).append(pid)
    # The loader's heartbeats are short-lived children with its name.
    supervisors = found.pop("supervisor", [])
    only = {role: [pid for pid in pids if parents[pid] in supervisors] for role, pids in found.items()}
    only["supervisor"] = supervisors
    return {role: pids[0] for role, pids in only.items()} if all(len(only.get(role, [])) == 1 for role in ALL) else {}


def wait_processes(agent, but=None):
    """Waits until all three processes run and the worker's pid is not `but`; returns the pids by role."""
    def all_running():
        found = processes(agent)
        return found if found and found["worker"] != but else None

    return daemon.wait(all_running, f"the processes of {agent.name}", 30.0, agent.failed)


class Confinement(lab_test_case.LabTestCase):
    """Checks the agents of an undisturbed fleet in /proc."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.agent = cls.bench.agents["web"]
        cls.pids = wait_processes(cls.agent)

    def test_worker_and_supervisor_have_no_capability_in_any_set(self):
        for role in ("worker", "supervisor"):
            for thread in os.listdir(f"/proc/{self.pids[role]}/task"):
                status = status_of(f"{self.pids[role]}/task/{thread}")
                self.assertEqual({name: int(status[name], 16) for name in SETS}, dict.fromkeys(SETS, 0), role)

    def test_loader_has_only_the_capabilities_that_it_needs(self):
        status = status_of(self.pids["loader"])
        for name in ("CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        for name in ("CapPrm", "CapEff", "CapBnd"):
            more = int(status[name], 16) & ~(BPF | PERFMON | SYS_PTRACE | DAC_READ_SEARCH)
            # Uprobes without links of their own take CAP_SYS_ADMIN.
            self.assertIn(more, (0, SYS_ADMIN) if "uprobe_multi" not in self.agent.log() else (0,), name)

    def test_all_processes_have_no_new_privs_seccomp_and_no_core_dumps(self):
        for role, pid in self.pids.items():
            with self.subTest(role=role):
                status = status_of(pid)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Seccomp"], "2")
                core = re.search(r"^Max core file size\s+(\S+)\s+(\S+)", read(f"/proc/{pid}/limits"), re.M)
                self.assertEqual(core.groups(), ("0", "0"), "core dumps")

    def test_confinement_is_reported_in_coverage(self):
        sources = self.bench.api.hosts()["web"]["coverage"]["sources"]
        row = next(source for source in sources if source["source"] == "confinement")
        self.assertIn("seccomp", row["hook"])
        self.assertTrue("landlock" in row["hook"] or any("Landlock" in each for each in row["refusals"]), row)

    def test_worker_has_only_expected_descriptors(self):
        """Every descriptor of the worker is of an expected kind, and none belongs to the loader."""
        known = (r"^/dev/null$", re.escape(self.agent.log_path), r"^socket:\[\d+\]$", r"^pipe:\[\d+\]$",
                 r"^anon_inode:\[(eventpoll|eventfd|timerfd)\]$", r"^anon_inode:bpf-map$",
                 r"/var/lib/hoptrail/(lock|marks|running|spool\.db(-wal|-shm|-journal)?)$", r"^/proc/\d+/",
                 r"/run/hoptrail-agent/[0-9a-f]{32}\.health$",
                 r"^(/etc|/run|/usr/lib|/lib)/systemd$")  # O_PATH: whether a service has a timer
        rings = 0
        for number in os.listdir(f"/proc/{self.pids['worker']}/fd"):
            try:
                target = os.readlink(f"/proc/{self.pids['worker']}/fd/{number}")
            except FileNotFoundError:
                continue
            self.assertTrue(any(re.search(each, target) for each in known), f"descriptor {number}: {target}")
            rings += target == "anon_inode:bpf-map"
        self.assertEqual(rings, 2, "the two rings, and no other map")

    def test_no_process_listens(self):
        for role, pid in self.pids.items():
            inodes = set()
            for number in os.listdir(f"/proc/{pid}/fd"):
                try:
                    inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(f"/proc/{pid}/fd/{number}")))
                except FileNotFoundError:
                    continue
            for family in ("tcp", "tcp6"):
                for line in read(f"/proc/{pid}/net/{family}").splitlines()[1:]:
                    fields = line.split()
                    self.assertFalse(fields[9] in inodes and fields[3] == "0A", f"{role} listens: {line}")


class Killed(lab_test_case.LabTestCase):
    def bench(self):
        return self.enterContext(bench.Bench(lab_test_case.binaries, os.path.join(self.directory(),
                                                                                  self._testMethodName)))

    def test_worker_killed_before_each_hop_path_is_complete(self):
        """The next worker continues with the rings: nothing is missed and nothing is reported twice."""
        victims = {"hop_to_web": "gw", "hop_to_db": "web", "hop_to_vault": "db"}
        built = self.bench()

        def kill_worker(name):
            os.kill(wait_processes(built.agents[name])["worker"], signal.SIGKILL)

        before = {step: functools.partial(kill_worker, name) for step, name in victims.items()}
        played = story.Story(built.fleet, self.transcript(), before)
        self.addCleanup(played.close)
        played.play()
        story.check_all(self, built.api, played, strict=False)
        for name in victims.values():
            self.assertRegex(built.agents[name].log(), r"the worker was killed by signal 9 \(Killed\); another starts")
            self.assertTrue(built.agents[name].running())

    def test_loader_killed_service_ends_and_can_start_again(self):
        """The service logs the reason, and no process of it is left."""
        agent = self.bench().agents["web"]
        pids = wait_processes(agent)
        os.kill(pids["loader"], signal.SIGKILL)
        self.assertEqual(agent.process.wait(30), 3)
        self.assertRegex(agent.log(), r"the loader was killed by signal 9 \(Killed\): its programs are gone")
        self.assertEqual(agent.pids(), [])
        agent.start()
        wait_processes(agent)

    def test_supervisor_killed_other_processes_end(self):
        """The next agent finds the state directory free."""
        agent = self.bench().agents["web"]
        wait_processes(agent)
        agent.process.kill()
        agent.process.wait()
        daemon.wait(lambda: not agent.pids(), "loader and worker to end")
        agent.start()
        wait_processes(agent)

    def test_stopped_processes_are_continued(self):
        agent = self.bench().agents["web"]
        pids = wait_processes(agent)
        for role in ("worker", "loader"):
            os.kill(pids[role], signal.SIGSTOP)
            agent.wait_for_log(rf"the {role} was stopped by signal 19 and continued")
            daemon.wait(lambda role=role: status_of(pids[role])["State"][0] != "T", f"the {role} to go on")
        os.kill(pids["worker"], signal.SIGTERM)  # only the supervisor ends the agent
        self.assertEqual(wait_processes(agent), pids)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(agent.pids(), [])
