#!/usr/bin/python3
"""The image tier: the images of deploy/image, run under the manifests of deploy/kubernetes.

    run.py [--binaries DIR | --from-source] [--logs DIR] [--work DIR]

Builds both images on a base that debootstrap makes, then runs the collector and the agent with runc under the users,
capabilities, mounts and flags of the manifests: the agent loads and reports its hook plan, and a login on this machine
reaches the collector. The output ends with one line `N passed, N failed`. Needs root and Debian's mirror; a test that
cannot run fails and says what it lacks.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import containers  # noqa: E402
import pods  # noqa: E402
import server  # noqa: E402

KUBERNETES = os.path.join(ROOT, "deploy/kubernetes")
CERTIFICATES = os.path.join(ROOT, "deploy/certificates.sh")
SERVICE = "hoptrail-collector.hoptrail.svc"
PORT = "7443"  # in the manifests; replaced by a free port of this machine
PROGRAMS = ("buildah", "debootstrap", "runc", "openssl", "ssh", "ssh-keygen", "unshare", server.SSHD)
# Each of these capabilities gives control of the node. DAC_READ_SEARCH is not among them: it permits reading, as do BPF
# and PERFMON, which every sensor of this kind needs, and the loader may make no system call to send what it reads.
EXCESSIVE = {"SYS_ADMIN", "SYS_MODULE", "DAC_OVERRIDE", "SYS_RAWIO", "NET_ADMIN", "SETUID", "ALL"}


# Event sources without another hook under the manifest on a kernel that refuses fentry and fexit: renames have no other
# hook, and datagram flows only cgroup_skb, which needs NET_ADMIN to attach.
NEEDS_TRAMPOLINES = {"rename": "fentry/security_inode_rename", "datagram flows": "fexit/udp_sendmsg"}


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class Failure(Exception):
    """An expectation that does not hold; the message says which, and the real value."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


class Cluster:
    """The tests, in order: each depends on those before it."""

    def __init__(self, arguments, stack):
        self._binaries = None if arguments.from_source else os.path.abspath(arguments.binaries)
        self._logs = os.path.abspath(arguments.logs)
        self._stack = stack
        os.makedirs(self._logs, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix="hoptrail-image-")
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        self._pki = os.path.join(scratch, "pki")
        self._images = containers.Images(arguments.work)
        stack.callback(self._images.close)
        self._node = pods.Node(os.path.join(scratch, "node"))
        self._port = str(server.free_port())
        self._root = {}
        self._agent = self._collector = None

    def tests(self):
        return [self.manifests_grant_no_excess_privilege, self.images_are_built, self.collector_answers_its_probe,
                self.agent_loads_and_connects, self.agent_answers_its_probes, self.agent_reports_its_hook_plan,
                self.login_becomes_a_verified_session, self.agent_without_loader_is_live_but_not_ready,
                self.agent_ends_with_status_0_on_sigterm, self.collector_ends_with_status_0_on_sigterm]

    # --- the tests ---------------------------------------------------------------------------------------------------

    def manifests_grant_no_excess_privilege(self):
        for file, kind in (("agent.yaml", "DaemonSet"), ("collector.yaml", "StatefulSet")):
            pod = pods.load(os.path.join(KUBERNETES, file), kind)["spec"]["template"]["spec"]
            for container in pod["containers"]:
                security = container["securityContext"]
                expect(security["privileged"] is False, f"{file}: privileged")
                expect(security["allowPrivilegeEscalation"] is False, f"{file}: allows privilege escalation")
                expect(security["readOnlyRootFilesystem"] is True, f"{file}: the root file system is writable")
                granted = set(security["capabilities"].get("add", []))
                expect(not granted & EXCESSIVE, f"{file} grants {granted & EXCESSIVE}")
                for probe in PROBES:
                    expect(probe in container, f"{file}: no {probe}")
            expect(pod["automountServiceAccountToken"] is False, f"{file}: mounts a service account token")
        rollout = self._yaml("agent.yaml", "DaemonSet")["spec"]
        expect(rollout["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "10%" and rollout["minReadySeconds"] > 0,
               "the rollout does not wait for replaced agents to be ready")
        expect(not granted, f"the collector is granted {granted}")
        expect(pod["securityContext"]["runAsNonRoot"] is True, "the collector may run as root")
        listed = self._yaml("kustomization.yaml", "Kustomization")["resources"]
        for name in listed:
            expect(os.path.exists(os.path.join(KUBERNETES, name)), f"kustomization.yaml names {name}, which is missing")

    def images_are_built(self):
        if self._binaries:
            self._programs_are_built()
        self._images.ensure_base()
        self._image = {target: self._images.build(ROOT, target, self._binaries) for target in ("agent", "collector")}
        user = self._images.configuration(self._image["collector"]).get("User")
        expect(user == "65532:65532", f"the collector's image runs as {user!r}")

    def _programs_are_built(self):
        for name in ("hoptrail-agent", "hoptrail-collector", "hoptrail"):
            path = os.path.join(self._binaries, name)
            expect(os.access(path, os.X_OK), f"{path} is missing: build first")
            loaded = containers.run(["ldd", path])
            expect("libasan" not in loaded and "libtsan" not in loaded,
                   f"{path} is built with a sanitizer, whose library the images do not have")

    def collector_answers_its_probe(self):
        self._prepare_node()
        workload = pods.load(os.path.join(KUBERNETES, "collector.yaml"), "StatefulSet")
        collector = self._pod("collector", workload)
        collector.start()
        for probe in PROBES:
            pods.wait(lambda: not collector.probe(probe), f"the collector's {probe}", 60, collector.hopeless)
        self._collector = collector

    def agent_loads_and_connects(self):
        expect(self._collector, "there is no collector")
        agent = self._pod("agent", pods.load(os.path.join(KUBERNETES, "agent.yaml"), "DaemonSet"))
        agent.start()
        host = pods.wait(self._connected_host, "the agent to be connected", 60, agent.hopeless)
        expect(self._machine_id in host["name"], f"{host['name']} does not contain the node's machine id")
        self._agent = agent

    def agent_answers_its_probes(self):
        expect(self._agent, "there is no agent")
        for probe in PROBES:
            pods.wait(lambda: not self._agent.probe(probe), f"the agent's {probe}", 30, self._agent.hopeless)

    def agent_without_loader_is_live_but_not_ready(self):
        """A rollout must not continue past an agent that gets no kernel events."""
        expect(self._agent, "there is no agent")
        loader = next(pid for pid in self._agent.pids() if self._comm(pid) == "hoptrail-loader")
        supervisor = next(pid for pid in self._agent.pids() if self._comm(pid) == "hoptrail-agent")
        try:
            for pid in (supervisor, loader):  # the supervisor would continue the loader
                os.kill(pid, signal.SIGSTOP)
            pods.wait(lambda: "no event of the self-test" in self._agent.probe("readinessProbe"),
                      "the agent not to be ready", 60, self._agent.hopeless)
            expect(not self._agent.probe("livenessProbe"), "an agent whose loop runs is not live")
        finally:
            for pid in (loader, supervisor):
                os.kill(pid, signal.SIGCONT)
        pods.wait(lambda: not self._agent.probe("readinessProbe"), "the agent to be ready again", 60,
                  self._agent.hopeless)

    @staticmethod
    def _comm(pid):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()

    def agent_reports_its_hook_plan(self):
        expect(self._agent, "there is no agent")

        def sources():
            host = self._connected_host()
            return host and host["coverage"]["sources"]

        reported = pods.wait(sources, "the agent's hook plan", 20, self._agent.hopeless)
        for source in reported:
            print(f"        {source['source']:<18} {source['hook'] or 'BLIND':<40} {'; '.join(source['refusals'])}")
        blind = [source["source"] for source in reported if not source["hook"]
                 and not any(refusal.startswith(NEEDS_TRAMPOLINES.get(source["source"], "no hook"))
                             and "load refused" in refusal for refusal in source["refusals"])]
        expect(not blind, f"blind under the manifest's capabilities: {', '.join(blind)}")

    def login_becomes_a_verified_session(self):
        expect(self._agent, "there is no agent")
        sshd = server.Server(os.path.join(self._node.directory, "sshd"))
        self._stack.callback(sshd.close)
        expect(sshd.login("echo inside") == "inside\n", "wrong output of the login's command")

        def session():
            for candidate in self._ask("sessions", "--all", "--limit", "0")["sessions"]:
                flow = candidate.get("entry_flow") or {}
                if flow.get("server", {}).get("port") == sshd.port and candidate["logged_in"]:
                    return candidate
            return None

        found = pods.wait(session, "the login's session at the collector", 20, self._agent.hopeless)
        authentication = found["authentication"]
        expect(found["kind"] == "REMOTE" and found["user"] == sshd.user, f"wrong kind or user: {found}")
        expect(authentication["method"] == "PUBLIC_KEY" and authentication["key_fingerprint"] == sshd.fingerprint,
               f"{authentication}, but the key is {sshd.fingerprint}")
        expect(authentication["verified"], f"not verified: {authentication}")
        (step,) = [step for step in self._ask("path", found["name"])["steps"]
                   if step["session"]["name"] == found["name"]]
        hop = step["hop"]["server"]
        expect(re.fullmatch("[0-9a-f]{16}", hop["hop_key"]), f"the hop has no hop key: {hop}")
        expect(hop["flow"]["server"]["port"] == sshd.port, f"wrong hop: {hop}")

    def agent_ends_with_status_0_on_sigterm(self):
        expect(self._agent, "there is no agent")
        status = self._agent.stop(25)
        expect(status == 0, f"exit status {status} after SIGTERM: {self._agent.hopeless()}")
        pods.wait(lambda: self._connected_host() is None, "the host to be shown as disconnected", 20)

    def collector_ends_with_status_0_on_sigterm(self):
        expect(self._collector, "there is no collector")
        status = self._collector.stop(50)
        expect(status == 0, f"exit status {status} after SIGTERM: {self._collector.hopeless()}")

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _prepare_node(self):
        """The steps of deploy/README.md: an authority, a certificate for each program, at the manifests' paths."""
        try:
            with open("/etc/machine-id", encoding="utf-8") as file:
                self._machine_id = file.read().strip()
        except FileNotFoundError:
            self._machine_id = ""
        if not re.fullmatch("[0-9a-f]{32}", self._machine_id):
            self._machine_id = uuid.uuid4().hex
        for arguments in (["init", self._pki], ["collector", self._pki, SERVICE, "IP:127.0.0.1"],
                          ["agent", self._pki, self._machine_id], ["reader", self._pki, "test"]):
            containers.run([CERTIFICATES, *arguments])
        self._put("/etc/machine-id", self._machine_id + "\n", 0o644)
        self._put("/etc/hoptrail/pki/ca.crt", self._read("ca.crt"), 0o644)
        self._put("/etc/hoptrail/pki/agent.crt", self._read(f"agent-{self._machine_id}.crt"), 0o644)
        self._put("/etc/hoptrail/pki/agent.key", self._read(f"agent-{self._machine_id}.key"), 0o600)
        self._node.secrets["hoptrail-collector-tls"] = {
            "ca.crt": self._read("ca.crt"), "tls.crt": self._read("collector.crt"),
            "tls.key": self._read("collector.key")}
        for generator in self._yaml("kustomization.yaml", "Kustomization")["configMapGenerator"]:
            content = {}
            for entry in generator["files"]:
                key, _, path = entry.partition("=")
                with open(os.path.join(KUBERNETES, path), encoding="utf-8") as file:
                    content[key] = file.read().replace(PORT, self._port)
            self._node.config_maps[generator["name"]] = content

    def _pod(self, name, workload):
        image = self._image[name]
        self._root[name] = self._images.mount(image)
        pod = pods.Pod(f"hoptrail-test-{os.getpid()}-{name}", workload, self._root[name],
                       self._images.configuration(image), self._node, os.path.join(self._logs, name + ".log"),
                       f"127.0.0.1 localhost {SERVICE}\n")
        self._stack.callback(pod.close)
        return pod

    def _connected_host(self):
        for host in self._ask("hosts")["hosts"]:
            if host["state"] == "CONNECTED":
                return host
        return None

    def _ask(self, *arguments):
        done = subprocess.run(
            [os.path.join(self._root["collector"], "usr/bin/hoptrail"), "--collector", f"127.0.0.1:{self._port}",
             "--ca", os.path.join(self._pki, "ca.crt"), "--certificate", os.path.join(self._pki, "reader-test.crt"),
             "--key", os.path.join(self._pki, "reader-test.key"), "--output", "json", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, f"hoptrail {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _yaml(self, file, kind):
        return pods.load(os.path.join(KUBERNETES, file), kind)

    def _read(self, name):
        with open(os.path.join(self._pki, name), encoding="utf-8") as file:
            return file.read()

    def _put(self, path, text, mode):
        path = self._node.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)


def run_tests(arguments):
    passed = failed = 0
    with contextlib.ExitStack() as stack:
        cluster = Cluster(arguments, stack)
        for test in cluster.tests():
            began = time.monotonic()
            try:
                test()
                passed += 1
                print(f"ok    {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except (Failure, containers.ImageError, OSError, subprocess.SubprocessError, LookupError, ValueError,
                    AttributeError, TypeError) as error:
                failed += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"FAIL  {test.__name__} ({os.path.basename(where.filename)}:{where.lineno})")
                print("        " + f"{type(error).__name__}: {error}".replace("\n", "\n        "), flush=True)
    return passed, failed


def interrupt(*_):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--from-source", action="store_true",
                        help="also build the programs, in the Dockerfile's own stage; takes minutes")
    parser.add_argument("--logs", default=os.path.join(ROOT, "build/image/logs"))
    parser.add_argument("--work", default=os.path.join(ROOT, "build/image"),
                        help="directory of the base image, which the next run uses again")
    arguments = parser.parse_args()
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        print(f"FAIL  the image tier needs root and {', '.join(missing) or 'nothing else'}")
        print("0 passed, 1 failed")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        passed, failed = run_tests(arguments)
    except KeyboardInterrupt:
        print("interrupted")
        passed, failed = 0, 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
