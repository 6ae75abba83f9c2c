"""Callers of the collector that it should not simply believe: any certificate, any bytes.

`FakeAgent` speaks an agent's protocol by hand, with a certificate and a host of the test's choice.
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


def client_with(teacher, address, ca, certificate=(None, None)):
    """A client with that certificate (none: shows none), knowing what `teacher` knows."""
    return teacher.over(reflection.secure_channel(address, ca, *certificate))


def status_of(call):
    """The status code's name that a call ends with."""
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
        """The next answer of that kind; others are passed over. Raises grpc.RpcError if the stream ends instead."""
        for answer in self._answers:
            if answer.WhichOneof("message") == kind:
                return getattr(answer, kind)
        raise EOFError("the stream ended without an error")

    def end(self):
        """Half-closes and returns the status code's name that the stream ends with."""
        self._outgoing.put(None)
        return self.status()

    def status(self):
        """Waits for the collector to end the stream."""
        try:
            for _ in self._answers:
                pass
        except grpc.RpcError:
            pass
        return self._answers.code().name

    def session_record(self, sequence, identifier, host=None, **changes):
        """A record that says that a session opened."""
        session = {"name": f"sessions/{identifier}", "host": host or self.host, "kind": "SERVICE", "user": "root",
                   "first_process": {"tgid": 4242, "start_boot_ns": sequence}, "open_boot_ns": sequence,
                   "open_time": "2026-01-02T03:04:05Z", "program": "/usr/sbin/fake", **changes}
        return {"sequence": sequence, "session": session}
