"""The reflection client calls a server, written for the test, that serves this project's own .proto files."""

import os
import subprocess
import tempfile
import unittest
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import reflection

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../proto")


def describe():
    """The descriptors of the .proto files, imports first."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["protoc", f"-I{PROTO}", "--include_imports", f"--descriptor_set_out={file.name}",
                        *(f"hoptrail/v1/{name}.proto" for name in ("detection", "graph", "fleet", "sensor"))],
                       check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(file.read()).file


class Server:
    """Serves reflection, one unary method and one method that streams in both directions."""

    def __init__(self):
        self.files = {file.name: file for file in describe()}
        pool = descriptor_pool.DescriptorPool()
        for file in self.files.values():
            pool.AddSerializedFile(file.SerializeToString())
        factory = message_factory.MessageFactory(pool)
        self.of = lambda name: factory.GetPrototype(pool.FindMessageTypeByName("hoptrail.v1." + name))
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        encode = lambda message: message.SerializeToString()  # noqa: E731
        self._add(f"{reflection.REFLECTION}.ServerReflection", "ServerReflectionInfo",
                  grpc.stream_stream_rpc_method_handler(self.reflect, reflection.Request.FromString, encode))
        self._add("hoptrail.v1.DetectionService", "ListIncidents", grpc.unary_unary_rpc_method_handler(
            self.list_incidents, self.of("ListIncidentsRequest").FromString, encode))
        self._add("hoptrail.v1.SensorService", "Connect", grpc.stream_stream_rpc_method_handler(
            self.connect, self.of("AgentMessage").FromString, encode))

    def _add(self, service, method, handler):
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))

    def reflect(self, requests, _):
        for request in requests:
            answer = reflection.Response()
            asked = request.WhichOneof("message_request")
            if asked == "list_services":
                answer.list_services_response.service.add(name="hoptrail.v1.DetectionService")
            elif asked == "file_by_filename" and request.file_by_filename in self.files:
                answer.file_descriptor_response.file_descriptor_proto.append(
                    self.files[request.file_by_filename].SerializeToString())
            elif asked == "file_containing_symbol" and self.holding(request.file_containing_symbol):
                answer.file_descriptor_response.file_descriptor_proto.append(
                    self.holding(request.file_containing_symbol).SerializeToString())
            else:
                answer.error_response.error_code = 5
                answer.error_response.error_message = "not found"
            yield answer

    def holding(self, symbol):
        return next((file for file in self.files.values()
                     if symbol in {f"{file.package}.{service.name}" for service in file.service}), None)

    def list_incidents(self, request, context):
        if request.filter == "bad":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "filter")
        answer = self.of("ListIncidentsResponse")()
        incident = answer.incidents.add(name="incidents/0011", severity=5)
        incident.open_time.seconds = 1767323045
        return answer

    def connect(self, messages, context):
        for message in messages:
            if message.HasField("hello"):
                answer = self.of("CollectorMessage")()
                answer.welcome.acknowledged_sequence = 7
                yield answer


class Reflection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        server = Server()
        path = os.path.join(cls.scratch.name, "socket")
        server.server.add_insecure_port("unix:" + path)
        server.server.start()
        cls.addClassCleanup(lambda: server.server.stop(None).wait())
        channel = reflection.unix_channel(path)
        cls.addClassCleanup(channel.close)
        cls.client = reflection.Client(channel)

    def test_services_are_listed(self):
        self.assertEqual(self.client.services(), ["hoptrail.v1.DetectionService"])

    def test_unary_call_by_name_returns_dicts(self):
        incident = self.client.call("hoptrail.v1.DetectionService/ListIncidents", {"page_size": 3})["incidents"][0]
        self.assertEqual((incident["name"], incident["severity"]), ("incidents/0011", "CRITICAL"))
        self.assertEqual(incident["open_time"], "2026-01-02T03:04:05Z")

    def test_error_status_is_raised(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.client.call("hoptrail.v1.DetectionService/ListIncidents", {"filter": "bad"})
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_bidirectional_stream_answers(self):
        answers = self.client.stream("hoptrail.v1.SensorService/Connect", [{"hello": {"host_name": "gw"}}])
        self.assertEqual(next(answers).welcome.acknowledged_sequence, 7)

    def test_unknown_service_is_a_lookup_error(self):
        with self.assertRaises(LookupError):
            self.client.call("hoptrail.v1.NoService/Get")
