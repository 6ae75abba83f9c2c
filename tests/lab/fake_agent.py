"""Hand-made clients of the collector, with any certificate and any bytes, as an unauthorized client would use them.

`FakeAgent` speaks an agent's protocol with a certificate and a host that the test chooses.
"""

import queue

import grpc

import reflection

CONNECT = "hoptrail.v1.SensorService/Connect"


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read().strip().replace("-", "")


def host_name(machine_id):
    """The resource name of a host in the API."""
    return f"hosts/{machine_id}.{boot_id()}"


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

    def session_record(self, sequence, identifier, host=None, **changes):
        """A record of a session that opened."""
        session = {"name": f"sessions/{identifier}", "host": host or self.host, "kind": "SERVICE", "user": "root",
                   "first_process": {"tgid": 4242, "start_boot_ns": sequence}, "open_boot_ns": sequence,
                   "open_time": "2026-01-02T03:04:05Z", "program": "/usr/sbin/fake", **changes}
        return {"sequence": sequence, "session": session}
