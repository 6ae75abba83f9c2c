"""Forwards a port of this machine to an address inside a lab's network namespace.

The collector listens in the lab's own network, which programs of this machine cannot reach. TLS passes through
unchanged, so the collector sees the client's own certificate.
"""

import contextlib
import socket
import threading

import namespaces


class Relay:
    """Listens on 127.0.0.1. Owns its listener and a thread for each direction of each connection."""

    def __init__(self, namespace, target, port=0):
        self._namespace = namespace
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                far = namespaces.socket_in(self._namespace, lambda: socket.create_connection(self._target, 5))
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), name="relay", daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        # A half-close is forwarded as such; the sockets are closed when both directions have ended.
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        with self._lock:
            if source in self._open:
                self._open.discard(source)
            if target not in self._open:
                source.close()
                target.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in list(self._open):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
