"""gRPC calls without generated code: the client learns services and messages from the server by reflection.

Debian has no package with the reflection protocol's Python stubs, so this file describes its few messages
(grpc.reflection.v1alpha, only the fields that a client needs). Everything else comes from the server.
"""

import copy

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION = "grpc.reflection.v1alpha"
_FIELD = descriptor_pb2.FieldDescriptorProto


def _reflection_file():
    """The protocol's own file descriptor. A field is (name, number, type, message type, repeated)."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection_by_hand.proto", package=REFLECTION, syntax="proto3")

    def add(name, fields, choice=None):
        message = file.message_type.add(name=name)
        if choice:
            message.oneof_decl.add(name=choice)
        for field_name, number, kind, type_name, label in fields:
            field = message.field.add(name=field_name, number=number, type=kind, label=label)
            if type_name:
                field.type_name = f".{REFLECTION}.{type_name}"
            if choice and number >= 3:
                field.oneof_index = 0

    one, many = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED
    add("ServerReflectionRequest", [
        ("host", 1, _FIELD.TYPE_STRING, None, one),
        ("file_by_filename", 3, _FIELD.TYPE_STRING, None, one),
        ("file_containing_symbol", 4, _FIELD.TYPE_STRING, None, one),
        ("list_services", 7, _FIELD.TYPE_STRING, None, one)], choice="message_request")
    add("ServerReflectionResponse", [
        ("file_descriptor_response", 4, _FIELD.TYPE_MESSAGE, "FileDescriptorResponse", one),
        ("list_services_response", 6, _FIELD.TYPE_MESSAGE, "ListServiceResponse", one),
        ("error_response", 7, _FIELD.TYPE_MESSAGE, "ErrorResponse", one)], choice="message_response")
    add("FileDescriptorResponse", [("file_descriptor_proto", 1, _FIELD.TYPE_BYTES, None, many)])
    add("ListServiceResponse", [("service", 1, _FIELD.TYPE_MESSAGE, "ServiceResponse", many)])
    add("ServiceResponse", [("name", 1, _FIELD.TYPE_STRING, None, one)])
    add("ErrorResponse", [("error_code", 1, _FIELD.TYPE_INT32, None, one),
                          ("error_message", 2, _FIELD.TYPE_STRING, None, one)])
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_reflection_file().SerializeToString())
_FACTORY = message_factory.MessageFactory(_POOL)


def _own(name):
    return _FACTORY.GetPrototype(_POOL.FindMessageTypeByName(f"{REFLECTION}.{name}"))


Request, Response = _own("ServerReflectionRequest"), _own("ServerReflectionResponse")


def secure_channel(address, ca, certificate, key, server_name=None):
    """A channel with mutual TLS; ca, certificate and key are paths of PEM files. Without certificate and key only the
    server shows a certificate."""
    def read(path):
        if path is None:
            return None
        with open(path, "rb") as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(certificate))
    options = [("grpc.enable_http_proxy", 0)]
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    return grpc.secure_channel(address, credentials, options)


def unix_channel(path):
    return grpc.insecure_channel("unix:" + path, [("grpc.enable_http_proxy", 0)])


class Client:
    """Calls any method of the server by name. Requests and answers are dicts whose keys are the .proto field names."""

    def __init__(self, channel, timeout=10.0):
        self._channel = channel
        self._reflection_channel = channel
        self._timeout = timeout
        self._pool = descriptor_pool.DescriptorPool()
        self._factory = message_factory.MessageFactory(self._pool)
        self._files = set()

    def over(self, channel):
        """A client with the same descriptors that calls over another channel, which may not be allowed to use
        reflection."""
        other = copy.copy(self)
        other._channel = channel
        return other

    def services(self):
        answer = self._ask(Request(list_services=""))
        return sorted(service.name for service in answer.list_services_response.service)

    def method(self, name):
        """The descriptor of "package.Service/Method", fetched from the server if it is not known yet."""
        service_name, method_name = name.split("/")
        service = self._find(self._pool.FindServiceByName, service_name)
        if method_name not in service.methods_by_name:
            raise LookupError(f"{service_name} has no method {method_name}")
        return service.methods_by_name[method_name]

    def message(self, method, fields=None):
        """The method's request message, made from a dict."""
        return json_format.ParseDict(fields or {}, self._class(method.input_type))

    def call(self, name, fields=None):
        """A unary call."""
        method = self.method(name)
        stub = self._channel.unary_unary(f"/{name}", type(self._class(method.input_type)).SerializeToString,
                                         type(self._class(method.output_type)).FromString)
        return self.as_dict(stub(self.message(method, fields), timeout=self._timeout))

    def watch(self, name, fields=None):
        """A server-streaming call. Returns an iterator of dicts, and the call, which can be cancelled."""
        method = self.method(name)
        stub = self._channel.unary_stream(f"/{name}", type(self._class(method.input_type)).SerializeToString,
                                          type(self._class(method.output_type)).FromString)
        call = stub(self.message(method, fields))
        return (self.as_dict(answer) for answer in call), call

    def stream(self, name, requests, timeout=None):
        """A call with streams in both directions. Requests are dicts, or bytes, which are sent unchanged."""
        method = self.method(name)
        stub = self._channel.stream_stream(f"/{name}", bytes, type(self._class(method.output_type)).FromString)
        encoded = (each if isinstance(each, bytes) else self.message(method, each).SerializeToString()
                   for each in requests)
        return stub(encoded, timeout=timeout or self._timeout)

    @staticmethod
    def as_dict(message):
        return json_format.MessageToDict(message, preserving_proto_field_name=True, including_default_value_fields=True)

    def _class(self, descriptor):
        return self._factory.GetPrototype(descriptor)()

    def _find(self, lookup, symbol):
        try:
            return lookup(symbol)
        except KeyError:
            self._learn(Request(file_containing_symbol=symbol))
            return lookup(symbol)

    def _learn(self, request):
        """Adds the files of the server's answer, imports first; requests imports that the answer does not contain."""
        answer = self._ask(request).file_descriptor_response.file_descriptor_proto
        came = {file.name: file for file in map(descriptor_pb2.FileDescriptorProto.FromString, answer)}

        def add(file):
            if file.name in self._files:
                return
            self._files.add(file.name)
            for imported in file.dependency:
                if imported in came:
                    add(came[imported])
                elif imported not in self._files:
                    self._learn(Request(file_by_filename=imported))
            self._pool.AddSerializedFile(file.SerializeToString())

        for file in came.values():
            add(file)

    def _ask(self, request):
        stub = self._reflection_channel.stream_stream(f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
                                           Request.SerializeToString, Response.FromString)
        answer = next(stub(iter([request]), timeout=self._timeout))
        if answer.WhichOneof("message_response") == "error_response":
            error = answer.error_response
            raise LookupError(f"reflection: {error.error_message} ({error.error_code}) for {request}".strip())
        return answer
