"""The product under test, installed into a fleet: the collector, an agent on each host, the command line.

This module writes the configuration as an operator would, and reads the answers through the public API.
"""

import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import termios

import grpc
import yaml

import daemon
import fleet as fleets
import namespaces
import reflection

ADDRESS = f"{fleets.COLLECTOR_ADDRESS}:{fleets.COLLECTOR_PORT}"
ROUTING_KEY = "1ab0000000000000000000000000f1e7"


class Collector(daemon.Daemon):
    """Runs in the management namespace. `api` calls it over its UNIX socket and has every role."""

    def __init__(self, fleet, binaries, authority, logs, pagerduty_port=None):
        super().__init__("collector", os.path.join(logs, "collector.log"))
        self._namespace = fleet.namespace("mgmt")
        self._binary = daemon.find_binary(binaries, "hoptrail-collector")
        self.directory = os.path.join(fleet.directory, "collector")
        shutil.rmtree(self.directory, ignore_errors=True)  # the state of an earlier run
        os.makedirs(self.directory)
        self.config_path = os.path.join(self.directory, "collector.yaml")
        self.socket_path = os.path.join(self.directory, "api.sock")
        self.json_path = os.path.join(logs, "detections.jsonl")
        self.store_directory = os.path.join(self.directory, "store")
        certificate, key = authority.collector(fleets.COLLECTOR_ADDRESS, "127.0.0.1", "collector", "localhost",
                                               fleets.COLLECTOR_ADDRESS_6, fleets.COLLECTOR_LINK_LOCAL, "::1")
        self.config = {
            "listen": [{"address": ADDRESS,
                        "tls": {"ca_file": authority.ca, "certificate_file": certificate, "key_file": key}},
                       {"address": "unix:" + self.socket_path}],
            "store": {"path": os.path.join(self.store_directory, "hoptrail.db")},
            "json_output": self.json_path,
            "log_level": "debug",
        }
        if pagerduty_port:
            routing_key = os.path.join(self.directory, "routing-key")
            with open(routing_key, "w", encoding="utf-8") as file:
                file.write(ROUTING_KEY + "\n")
            self.config["pagerduty"] = {
                "endpoint": f"http://127.0.0.1:{pagerduty_port}/v2/enqueue",
                "routing_key_file": routing_key, "client_url": "https://hoptrail.example/"}
        self.api = Api(self.socket_path)

    def command(self):
        return ["nsenter", f"--net={namespaces.path_of(self._namespace)}", "--", self._binary, "--config",
                self.config_path]

    def start(self, timeout=20.0):
        with open(self.config_path, "w", encoding="utf-8") as file:
            yaml.safe_dump(self.config, file, sort_keys=False)
        self.spawn(self.command())
        daemon.wait(self.api.answers, "the collector to answer", timeout, self.failed)

    def close(self):
        self.kill()
        self.api.close()


class Api:
    """The public API, by reflection over the collector's UNIX socket. Survives the collector's restarts."""

    def __init__(self, socket_path):
        self._channel = grpc.insecure_channel("unix:" + socket_path, [
            ("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)])
        self.client = reflection.Client(self._channel)

    def answers(self):
        try:
            self.hosts()
            return True
        except grpc.RpcError:
            return False

    def hosts(self):
        """The hosts by host name."""
        answer = self.client.call("hoptrail.v1.FleetService/ListHosts", {"page_size": 1000})
        return {host["host_name"]: host for host in answer["hosts"]}

    def incidents(self, merged=False):
        """The incidents; with `merged` also those that were merged into another."""
        answer = self.client.call("hoptrail.v1.DetectionService/ListIncidents", {"page_size": 1000})
        return [incident for incident in answer["incidents"] if merged or not incident["merged_into"]]

    def detections(self):
        return self.client.call("hoptrail.v1.DetectionService/ListDetections", {"page_size": 1000})["detections"]

    def sessions(self, filter_text=""):
        return self.client.call("hoptrail.v1.GraphService/ListSessions",
                                {"page_size": 1000, "filter": filter_text})["sessions"]

    def hops(self):
        return self.client.call("hoptrail.v1.GraphService/ListHops", {"page_size": 1000})["hops"]

    def path(self, name):
        return self.client.call("hoptrail.v1.GraphService/GetPath", {"name": name})

    def close(self):
        self._channel.close()


class Agent(daemon.Daemon):
    """Runs inside its host. Its scope is the host's network namespace."""

    def __init__(self, host, binaries, authority, logs):
        super().__init__(f"agent on {host.name}", os.path.join(logs, f"agent-{host.name}.log"))
        self.host = host
        self.machine_id = host.machine_id
        root = os.path.abspath(binaries)
        self._binary = os.path.join("/run/hoptrail-bin",
                                    os.path.relpath(daemon.find_binary(root, "hoptrail-agent"), root))
        self.state_directory = host.path("/var/lib/hoptrail")  # as seen from outside
        self.config = {
            "host": {"name": host.name},
            "state_directory": "/var/lib/hoptrail",
            "scope": {"network_namespace": "self"},
            "collector": {"address": ADDRESS, "tls": {
                "ca_file": "/etc/hoptrail/ca.crt", "certificate_file": "/etc/hoptrail/agent.crt",
                "key_file": "/etc/hoptrail/agent.key"}},
            "log_level": "debug",
        }
        self.install_certificates(authority.ca, authority)

    def install_certificates(self, ca, authority, machine_id=None):
        """Installs the agent's TLS files: `authority` signs its certificate, the agent trusts `ca`."""
        certificate, key = authority.agent(machine_id or self.machine_id)
        for source, name, mode in ((ca, "ca.crt", "644"), (certificate, "agent.crt", "644"), (key, "agent.key", "600")):
            with open(source, encoding="utf-8") as file:
                self.host.write_file(f"/etc/hoptrail/{name}", file.read(), mode)

    def write_config(self):
        self.host.write_file("/etc/hoptrail/agent.yaml", yaml.safe_dump(self.config, sort_keys=False))

    def command(self, *wrapper):
        self.write_config()
        return self.host.enter([*wrapper, self._binary, "--config", "/etc/hoptrail/agent.yaml"])

    def start(self):
        self.spawn(self.command())


class CommandLine:
    """`hoptrail`, as a person with a certificate runs it against the collector's address."""

    def __init__(self, fleet, binaries, authority, certificate):
        self._enter = ["nsenter", f"--net={namespaces.path_of(fleet.namespace('mgmt'))}", "--"]
        self.flags = ["--collector", ADDRESS, "--ca", authority.ca, "--certificate", certificate[0],
                      "--key", certificate[1]]
        self.binary = daemon.find_binary(binaries, "hoptrail")

    def run(self, *arguments, output="text", timeout=30):
        """The finished process, whatever its exit status."""
        return subprocess.run([*self._enter, self.binary, *self.flags, "--output", output, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              env=daemon.environment())

    def text(self, *arguments):
        return self._checked(self.run(*arguments)).stdout

    def on_terminal(self, columns, *arguments):
        """The output on a terminal of that many columns, in the time zone XYZ (UTC+3), without colours."""
        master, slave = os.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            process = subprocess.Popen([*self._enter, self.binary, *self.flags, *arguments], stdin=subprocess.DEVNULL,
                                       stdout=slave, stderr=subprocess.PIPE, text=True,
                                       env={**daemon.environment(), "LC_ALL": "C.UTF-8", "TZ": "XYZ-3", "NO_COLOR": "1"})
            os.close(slave)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an error
                while chunk := os.read(master, 65536):
                    shown += chunk
            _, errors = process.communicate(timeout=30)
        finally:
            os.close(master)
        if process.returncode != 0:
            raise namespaces.LabError(f"{' '.join(arguments)}: exit {process.returncode}: {errors.strip()}")
        return shown.decode().replace("\r\n", "\n")

    def json(self, *arguments):
        return json.loads(self._checked(self.run(*arguments, output="json")).stdout)

    @staticmethod
    def _checked(done):
        if done.returncode != 0:
            raise namespaces.LabError(f"{' '.join(done.args[-3:])}: exit {done.returncode}: {done.stderr.strip()}")
        return done


def keep_logs(fleet, logs):
    """Copies the logs of the hosts' sshd to the product's logs."""
    for name in fleets.AGENT_HOSTS:
        if name in fleet.hosts:
            source = fleet[name].path("/var/log/auth.log")
            if os.path.exists(source):
                shutil.copy(source, os.path.join(logs, f"sshd-{name}.log"))
