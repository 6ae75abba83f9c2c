"""The rules of PagerDuty's Events API v2 for one event, as a pure function.

Source: PagerDuty's own reference (Send an Alert Event, and the openapi schema of events-v2). Lengths are in characters,
the size of the whole event is in bytes.
"""

import datetime
import json
import re

MAX_EVENT_BYTES = 512 * 1024
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
TOP_LEVEL = {"routing_key": str, "event_action": str, "dedup_key": str, "payload": dict, "client": str,
             "client_url": str, "links": list, "images": list}
PAYLOAD = {"summary": str, "source": str, "severity": str, "timestamp": str, "component": str, "group": str,
           "class": str, "custom_details": dict}
URL = re.compile(r"^https?://[^\s/]+\S*$")


def check_event(body, content_type="application/json"):
    """A list of the event's faults, in words; empty for a good event."""
    if len(body) > MAX_EVENT_BYTES:
        return [f"event is {len(body)} bytes (at most {MAX_EVENT_BYTES})"]
    problems = []
    if content_type.split(";")[0].strip().lower() != "application/json":
        problems.append(f"Content-Type is {content_type!r} (must be application/json)")
    try:
        event = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        return problems + [f"body is not JSON in UTF-8: {error}"]
    if not isinstance(event, dict):
        return problems + ["event is not an object"]
    problems += _check_fields("", event, TOP_LEVEL)
    problems += _check_head(event)
    if isinstance(event.get("payload"), dict):
        problems += _check_payload(event["payload"])
    elif event.get("event_action") == "trigger":
        problems.append("payload is required for a trigger")
    problems += _check_attachments(event, "links", required="href", allowed={"href", "text"}, urls={"href"})
    problems += _check_attachments(event, "images", required="src", allowed={"src", "href", "alt"},
                                   urls={"src", "href"})
    for image in event.get("images") or []:
        if isinstance(image, dict) and not str(image.get("src", "")).startswith("https://"):
            problems.append("images: src must be served by https")
    return problems


def _no_constant(name):
    raise ValueError(f"{name} is no JSON value")


def _check_fields(prefix, values, types):
    problems = [f"{prefix}{name} is not a field of the API" for name in values if name not in types]
    for name, kind in types.items():
        if name in values and not isinstance(values[name], kind):
            problems.append(f"{prefix}{name} is a {type(values[name]).__name__} (must be a {kind.__name__})")
    return problems


def _check_head(event):
    problems = []
    routing_key = event.get("routing_key")
    if not isinstance(routing_key, str) or len(routing_key) != 32:
        problems.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    action = event.get("event_action")
    if action not in ACTIONS:
        problems.append(f"event_action is {action!r} (must be one of {', '.join(ACTIONS)})")
    dedup_key = event.get("dedup_key")
    if dedup_key is None:
        if action in ("acknowledge", "resolve"):
            problems.append(f"dedup_key is required for {action}")
    elif isinstance(dedup_key, str) and not 0 < len(dedup_key) <= 255:
        problems.append(f"dedup_key has {len(dedup_key)} characters (1 to 255)")
    if isinstance(event.get("client_url"), str) and not URL.match(event["client_url"]):
        problems.append(f"client_url is no URL: {event['client_url']!r}")
    return problems


def _check_payload(payload):
    problems = _check_fields("payload.", payload, PAYLOAD)
    for name in ("summary", "source", "severity"):
        if not payload.get(name):
            problems.append(f"payload.{name} is required")
    if isinstance(payload.get("summary"), str) and len(payload["summary"]) > 1024:
        problems.append(f"payload.summary has {len(payload['summary'])} characters (at most 1024)")
    if payload.get("severity") and payload["severity"] not in SEVERITIES:
        problems.append(f"payload.severity is {payload['severity']!r} (must be one of {', '.join(SEVERITIES)})")
    if isinstance(payload.get("timestamp"), str) and not _is_time(payload["timestamp"]):
        problems.append(f"payload.timestamp is no ISO 8601 time with a zone: {payload['timestamp']!r}")
    return problems


def _is_time(text):
    if "T" not in text:
        return False
    # Nine fractional digits are ISO 8601, but more than datetime takes.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _check_attachments(event, name, required, allowed, urls):
    problems = []
    for item in event.get(name) if isinstance(event.get(name), list) else []:
        if not isinstance(item, dict):
            problems.append(f"{name}: an element is not an object")
            continue
        if not item.get(required):
            problems.append(f"{name}: {required} is required")
        problems += [f"{name}: {key} is not a field of the API" for key in item if key not in allowed]
        problems += [f"{name}: {key} is no URL: {item[key]!r}" for key in urls
                     if key in item and not (isinstance(item[key], str) and URL.match(item[key]))]
    return problems
