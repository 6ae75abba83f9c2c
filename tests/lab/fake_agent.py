"""Hand-made clients of the collector, with any certificate and any bytes, as an unauthorized client would use them.

`FakeAgent` speaks an agent's protocol with a certificate and a host that the test chooses.
"""

import hashlib
import queue
import struct

import grpc

import reflection

CONNECT = "hoptrail.v1.SensorService/Connect"


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read().strip().replace("-", "")


def host_name(machine_id):
    """The resource name of a host in the API."""
    return f"hosts/{machine_id}.{boot_id()}"


def derived_id(*parts):
    """The id that the product derives from these parts (core/base/digest.h), as 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(struct.pack("=Q", len(data)) + data)
    return digest.hexdigest()[:32]


def session_name(host, number):
    """The resource name of the session of a host, given by its resource name, whose first process has that number."""
    machine, boot = host.split("/")[1].split(".")
    return f"sessions/{derived_id('session', bytes.fromhex(machine), bytes.fromhex(boot), f'{number}@1')}"


def detection_name(rule, session, occurrence=""):
    """The resource name of the rule's detection on a session, which is given by its resource name."""
    return f"detections/{derived_id('detection', rule, bytes.fromhex(session.split('/')[1]), occurrence)}"


def client_with(original, address, ca, certificate=(None, None)):
    """A client with that certificate, or without one, and with the descriptors of `original`."""
    return original.over(reflection.secure_channel(address, ca, *certificate))


def status_of(call):
    """The name of the status code that a call ends with."""
    try:
        call()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


class FakeAgent:
    """One stream to the collector. `send` takes dicts (AgentMessage) or raw bytes."""

    def __init__(self, client, machine_id, patience=15.0):
        self.host = host_name(machine_id)
        self._outgoing = queue.Queue()
        self._answers = client.stream(CONNECT, iter(self._outgoing.get, None), timeout=patience)

    def hello(self, **changes):
        self.send({"hello": {"host": self.host, "host_name": "fake", "agent_version": "0.0.0", **changes}})

    def send(self, message):
        self._outgoing.put(message)

    def next(self, kind):
        """The next answer of that kind; skips others. Raises grpc.RpcError if the stream ends with an error."""
        for answer in self._answers:
            if answer.WhichOneof("message") == kind:
                return getattr(answer, kind)
        raise EOFError("the stream ended without an error")

    def end(self):
        """Half-closes the stream and returns the name of the status code that it ends with."""
        self._outgoing.put(None)
        return self.status()

    def status(self):
        """Waits until the collector ends the stream; returns the name of the status code."""
        try:
            for _ in self._answers:
                pass
        except grpc.RpcError:
            pass
        return self._answers.code().name

    def first_process(self, number):
        """The first process of the host's session of that number."""
        return {"tgid": number, "start_boot_ns": 1}

    def session(self, number):
        """The resource name of the host's session of that number."""
        return session_name(self.host, number)

    def session_record(self, sequence, number, **changes):
        """A record of a session that opened, under the name that derives from the host."""
        session = {"name": self.session(number), "host": self.host, "kind": "SERVICE", "user": "root",
                   "first_process": self.first_process(number), "open_boot_ns": sequence,
                   "open_time": "2026-01-02T03:04:05Z", "program": "/usr/sbin/fake", **changes}
        return {"sequence": sequence, "session": session}

    def detection(self, number, severity="HIGH", occurrence=""):
        """A detection on the host's session of that number."""
        session = self.session(number)
        return {"name": detection_name("brute-force", session, occurrence), "rule": "brute-force",
                "title": "A key was read", "severity": severity, "session": session, "host": self.host,
                "session_process": self.first_process(number), "occurrence": occurrence,
                "time": "2026-01-02T03:04:05Z"}
