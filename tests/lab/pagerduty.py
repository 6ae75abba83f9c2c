"""A stand-in for PagerDuty: takes events over HTTP, checks every body, answers as the API does, keeps all requests.

A test can make it answer the next requests with error statuses (429, 500), to test the notifier's retries. Such a
request is recorded too, but was not accepted.
"""

import argparse
import dataclasses
import http.server
import json
import socketserver
import sys
import threading
import time

import pagerduty_rules


@dataclasses.dataclass
class Delivery:
    """One request. `problems` is empty for a good event; `status` is the status of the answer."""
    time: float
    status: int
    event: dict
    problems: list
    accepted: bool


class PagerDuty:
    """Owns the listening socket and its threads. Thread-safe."""

    def __init__(self, listener, path="/v2/enqueue", log=lambda line: None):
        self._path = path
        self._log = log
        self._changed = threading.Condition()
        self._deliveries = []
        self._faults = []
        self._refuses = lambda event: False
        self._server = _Server(listener, self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pagerduty", daemon=True)
        self._thread.start()

    def fail_next(self, *statuses, retry_after=1, page=None):
        """Answers the next requests with these statuses, in order; 429 has a Retry-After in seconds. `page` is the body
        of a proxy that answers instead of the API; with it, not even 202 is an acceptance."""
        with self._changed:
            self._faults += [(status, retry_after, page) for status in statuses]

    def refuse(self, condition):
        """From now on refuses good events as invalid if condition(event) is true."""
        with self._changed:
            self._refuses = condition

    def deliveries(self):
        with self._changed:
            return list(self._deliveries)

    def accepted(self):
        return [delivery for delivery in self.deliveries() if delivery.accepted]

    def wait_until(self, condition, timeout=20.0):
        """Waits until condition(deliveries) is true; returns the deliveries. Raises TimeoutError with those that
        came."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not condition(self._deliveries):
                left = deadline - time.monotonic()
                if left <= 0:
                    came = [(each.status, each.event and each.event.get("event_action")) for each in self._deliveries]
                    raise TimeoutError(f"PagerDuty received only {came} within {timeout} s")
                self._changed.wait(left)
            return list(self._deliveries)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, method, path, content_type, body):
        """(status, headers, JSON answer) for one request."""
        if path != self._path:
            return 404, {}, {"status": "not found", "message": path}
        if method != "POST":
            return 405, {"Allow": "POST"}, {"status": "method not allowed", "message": method}
        problems = pagerduty_rules.check_event(body, content_type)
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        with self._changed:
            status, headers, answer = self._evaluate(event, problems)
            accepted = status == 202 and isinstance(answer, dict)
            self._deliveries.append(Delivery(time.time(), status, event, problems, accepted))
            self._changed.notify_all()
        self._log(json.dumps({"status": status, "problems": problems, "event": event}))
        return status, headers, answer

    def _evaluate(self, event, problems):
        if problems:  # before the faults, so that a fault cannot hide a bad event
            return 400, {}, {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
        if self._refuses(event):
            return 400, {}, {"status": "invalid event", "message": "Event object is invalid", "errors": ["not this one"]}
        if self._faults:
            status, retry_after, page = self._faults.pop(0)
            if page is not None:
                return status, {"Location": "https://login.example/", "Content-Type": "text/html"}, page
            if status == 429:
                return 429, {"Retry-After": str(retry_after)}, {"status": "throttle exceeded",
                                                                "message": "Requests for this service are arriving "
                                                                           "too quickly. Please retry later."}
            return status, {}, {"status": "error", "message": "Internal Server Error"}
        dedup_key = event.get("dedup_key") or f"generated-{len(self._deliveries)}"
        return 202, {}, {"status": "success", "message": "Event processed", "dedup_key": dedup_key}


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves on a socket that already listens (it may be in another network namespace)."""
    daemon_threads = True

    def __init__(self, listener, answer):
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.answer = answer


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        status, headers, answer = self.server.answer(self.command, self.path, self.headers.get("Content-Type", ""),
                                                     body)
        text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET = do_PUT = _serve  # noqa: N815 (the base class's names)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="A stand-in for PagerDuty's Events API v2; prints the events that it receives.")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8425)
    arguments = parser.parse_args()
    import socket
    server = PagerDuty(socket.create_server((arguments.address, arguments.port)),
                       log=lambda line: print(line, flush=True))
    print(f"http://{arguments.address}:{arguments.port}/v2/enqueue", file=sys.stderr)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
