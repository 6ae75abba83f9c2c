#!/usr/bin/python3
"""Fails when a directory includes what the layer table does not allow.

The table is the design's: a directory may include itself and what its row names. `core/base` is open
to all. Third-party headers are held to a list too, so that libbpf, gRPC, protobuf and SQLite stay
behind their doors.
"""

import pathlib
import re
import sys

# directory: project directories it may include, besides itself and core/base.
ALLOWED = {
    "core/base": [],
    "core/model": [],
    "core/sqlite": [],
    "core/graph": ["core/model"],
    "core/detect": ["core/model", "core/graph"],
    "core/wire": ["core/model", "hoptrail/v1"],
    "core/config": ["core/model", "hoptrail/v1"],
    "bpf/abi": [],
    "bpf/include": [],
    "bpf/lib": ["bpf/abi", "bpf/include"],
    "bpf/hooks": ["bpf/abi", "bpf/include", "bpf/lib"],
    "bpf": ["bpf/abi", "bpf/include", "bpf/lib", "bpf/hooks"],
    "agent/kernel/plan": ["core/model"],
    "agent/kernel/objects": ["bpf/abi", "bpf/skeleton"],
    "agent/kernel/processes": [],
    "agent/kernel/ring": ["bpf/abi"],
    "agent/kernel/uprobes": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                             "agent/kernel/objects", "agent/kernel/processes"],
    "agent/kernel/watch": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                           "agent/kernel/processes"],
    "agent/kernel/programs": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                              "agent/kernel/objects", "agent/kernel/uprobes", "agent/kernel/watch"],
    "agent/kernel/snapshot": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan", "agent/kernel/ring"],
    "agent/kernel": ["bpf/abi", "bpf/skeleton", "core/model"],
    "agent/privilege": [],
    "agent/decode": ["bpf/abi", "core/model"],
    "agent/process": ["agent/decode", "core/model"],
    "agent/session": ["agent/decode", "agent/process", "core/model", "core/graph", "core/detect"],
    "agent/rules": ["agent/session", "agent/stop", "agent/process", "agent/decode", "core/model", "core/graph",
                    "core/detect", "core/config", "hoptrail/v1"],
    "agent/spool": ["agent/session", "core/model", "core/wire", "core/sqlite", "hoptrail/v1"],
    "agent/uplink": ["agent/spool", "core/model", "core/wire", "core/config", "hoptrail/v1"],
    "agent/host": ["core/model"],
    "agent/stop": ["agent/decode", "agent/host", "agent/process", "agent/session", "core/detect", "core/model"],
    "agent/config": ["agent/host", "agent/rules", "agent/kernel", "agent/privilege", "core", "hoptrail/v1"],
    "agent/health": ["agent/config", "agent/host", "core"],
    "agent/loader": ["agent/config", "agent/host", "agent/kernel", "agent/privilege", "agent/session", "core",
                     "hoptrail/v1"],
    "agent/worker": ["agent/config", "agent/decode", "agent/health", "agent/host", "agent/kernel", "agent/loader",
                     "agent/privilege", "agent/process", "agent/rules", "agent/session", "agent/spool", "agent/stop",
                     "agent/uplink", "core", "hoptrail/v1"],
    "agent/supervisor": ["agent", "core", "hoptrail/v1"],
    "agent": ["agent", "core"],
    "collector/rpc": ["core"],
    "collector/bus": ["core/model"],
    "collector/bus/conformance": ["core/model", "collector/bus"],
    "collector/ingest": ["core", "collector/rpc", "collector/bus", "hoptrail/v1"],
    "collector/store": ["core/model", "core/graph"],
    "collector/store/conformance": ["core/model", "core/graph", "core/wire", "collector/store"],
    "collector/store/sqlite": ["core", "collector/store", "hoptrail/v1"],
    "collector/engine/values": ["core/model", "core/graph", "collector/store/stored_hop.h"],
    "collector/engine/join": ["core/model", "core/graph", "collector/engine/values"],
    "collector/engine/graph": ["core/model", "core/graph", "collector/engine/values"],
    "collector/engine/incident": ["core/model", "core/graph"],
    "collector/rules": ["core/model", "core/graph", "core/detect", "core/config", "collector/engine/values",
                        "hoptrail/v1"],
    "collector/engine": ["core/model", "core/graph", "core/detect", "core/config", "collector/rules", "hoptrail/v1"],
    "collector/engine/loop": ["core", "collector/engine", "collector/bus", "collector/store", "hoptrail/v1"],
    "collector/api": ["core", "collector/store", "collector/engine/values", "hoptrail/v1"],
    "collector/query": ["core", "collector/rpc", "collector/api", "collector/store", "hoptrail/v1"],
    "collector/notify": ["core", "collector/api", "collector/store", "hoptrail/v1"],
    "collector/app": ["core", "collector", "hoptrail/v1"],
    "cli": ["core/config", "hoptrail/v1"],
    "tests": ["agent", "bpf", "cli", "collector", "core", "hoptrail/v1"],
}

# third-party header prefix: directories that may include it (prefixes of directories).
THIRD_PARTY = {
    "bpf/": ["agent/kernel", "bpf", "tests"],
    "grpcpp/": ["agent/uplink", "agent/worker", "collector", "core/config", "cli", "tests"],
    "google/protobuf/": ["core/wire", "core/config", "agent/spool", "agent/uplink", "agent/worker",
                         "agent/loader", "agent/config",
                         "collector", "cli", "tests"],
    "sqlite3.h": ["core/sqlite", "tests"],
    "yaml-cpp/": ["core/config"],
    "curl/": ["collector/notify"],
    "hoptrail/internal/": ["collector/store/sqlite"],
    "seccomp.h": ["agent/privilege"],
    "openssl/": ["core/base", "core/config", "tests"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = (".h", ".cc", ".c")


def within(path, directories):
    return any(path == directory or path.startswith(directory + "/") for directory in directories)


def row_of(directory):
    """The nearest row of the table: a subdirectory without a row belongs to its parent's."""
    while directory and directory not in ALLOWED:
        directory = directory.rpartition("/")[0]
    return directory


def offences(root, path):
    relative = path.relative_to(root).as_posix()
    directory = row_of(relative.rpartition("/")[0])
    if not directory:
        yield f"{relative}: its directory has no row in the layer table"
        return
    is_test = path.stem.endswith("_test") or path.stem.endswith("_fake")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        included = header.rpartition("/")[0]
        for prefix, directories in THIRD_PARTY.items():
            third_party = header.startswith(prefix) and not (root / header).exists()
            if third_party and not within(directory, directories) and not is_test:
                yield f"{relative}:{number}: {directory} may not include <{header}>"
        if header.startswith("hoptrail/v1/"):
            included = "hoptrail/v1"
        elif not quoted or not (root / header).exists():
            continue
        allowed = [directory, "core/base"] + ALLOWED[directory]
        if not within(included, allowed) and header not in allowed:
            yield f"{relative}:{number}: {directory} may not include {header}"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    found, files = [], 0
    for top in ("core", "bpf", "agent", "collector", "cli", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES:
                files += 1
                found.extend(offences(root, path))
    for offence in found:
        print(offence)
    if files < 10:
        print(f"only {files} source files found below {root}: nothing was checked")
        return 1
    print(f"{files} files, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
