#!/usr/bin/python3
"""Fails when a directory includes a header that the layer table does not allow, and when the table has a circle.

A row of the table covers exactly one directory. Its files may include the directory itself, `core/base` and the
entries of the row. An entry is one directory, one header, or a directory with everything below it (`directory/*`).
Files of tests may include the entries of `TESTS` as well. A list of third-party headers keeps libbpf, gRPC, protobuf
and SQLite in the directories that wrap them.
"""

import pathlib
import re
import sys

# directory: the project's directories and headers that it may include, besides itself and core/base.
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
    "agent/kernel/plan": ["bpf/abi"],
    "agent/kernel/objects": ["bpf/abi", "bpf/skeleton"],
    "agent/kernel/processes": [],
    "agent/kernel/ring": ["bpf/abi"],
    "agent/kernel/uprobes": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                             "agent/kernel/objects", "agent/kernel/processes"],
    "agent/kernel/watch": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                           "agent/kernel/processes"],
    "agent/kernel/programs": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/plan",
                              "agent/kernel/objects", "agent/kernel/uprobes", "agent/kernel/watch"],
    "agent/kernel/snapshot": ["bpf/abi", "core/model", "agent/kernel/plan", "agent/kernel/ring"],
    "agent/kernel": ["bpf/abi", "bpf/skeleton", "core/model", "agent/kernel/objects", "agent/kernel/plan",
                     "agent/kernel/processes", "agent/kernel/programs", "agent/kernel/ring",
                     "agent/kernel/snapshot", "agent/kernel/uprobes", "agent/kernel/watch"],
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
    "agent/config": ["agent/host", "agent/rules", "agent/kernel/plan", "agent/privilege", "core/config", "core/model",
                     "hoptrail/v1"],
    "agent/health": ["agent/config", "agent/host", "core/config", "core/model"],
    # The loader and the worker use agent/kernel through its own headers, and the snapshot's values.
    "agent/loader": ["agent/config", "agent/host", "agent/kernel", "agent/kernel/snapshot", "agent/privilege",
                     "agent/session", "core/config", "core/model", "core/wire", "hoptrail/v1"],
    "agent/worker": ["agent/config", "agent/decode", "agent/health", "agent/host", "agent/kernel",
                     "agent/kernel/snapshot", "agent/loader", "agent/privilege", "agent/process", "agent/rules",
                     "agent/session", "agent/spool", "agent/stop", "agent/uplink", "core/config", "core/detect",
                     "core/model", "core/wire", "hoptrail/v1"],
    "agent/supervisor": ["agent/config", "agent/health", "agent/host", "agent/kernel/reader.h", "agent/loader",
                         "agent/privilege", "agent/spool", "agent/stop", "agent/worker", "core/config", "core/model",
                         "hoptrail/v1"],
    "agent": ["agent/config", "agent/health", "agent/host", "agent/kernel/plan", "agent/privilege",
              "agent/supervisor", "core/config"],
    "collector/rpc": ["core/config", "core/model"],
    "collector/bus": ["core/model"],
    "collector/bus/conformance": ["core/model", "collector/bus"],
    "collector/ingest": ["collector/rpc", "collector/bus", "core/model", "core/wire", "hoptrail/v1"],
    "collector/store": ["core/model", "core/graph"],
    "collector/store/conformance": ["core/model", "core/graph", "core/wire", "collector/store"],
    "collector/store/sqlite": ["collector/store", "core/graph", "core/model", "core/sqlite", "core/wire",
                               "hoptrail/v1"],
    "collector/engine/values": ["core/model", "core/graph", "collector/store/stored_hop.h"],
    "collector/engine/join": ["core/model", "core/graph", "collector/engine/values"],
    "collector/engine/graph": ["core/model", "core/graph", "collector/engine/values"],
    "collector/engine/incident": ["core/model"],
    "collector/rules": ["core/model", "core/detect", "core/config", "collector/engine/values", "hoptrail/v1"],
    "collector/engine": ["core/model", "core/graph", "core/detect", "core/config", "collector/engine/values",
                         "collector/engine/join", "collector/engine/graph", "collector/engine/incident",
                         "collector/rules", "hoptrail/v1"],
    "collector/engine/loop": ["core/model", "core/wire", "collector/engine", "collector/engine/values",
                              "collector/bus", "collector/store", "hoptrail/v1"],
    "collector/api": ["collector/store", "collector/engine/values", "core/config", "core/graph", "core/model",
                      "core/wire", "hoptrail/v1"],
    "collector/query": ["collector/rpc", "collector/api", "collector/store/filters.h",
                        "collector/store/readable_store.h", "core/config", "core/model", "core/wire", "hoptrail/v1"],
    "collector/notify": ["core/model", "hoptrail/v1"],
    "collector/notify/conformance": ["collector/notify", "core/model"],
    "collector/notify/json_lines": ["collector/notify", "collector/api", "collector/store", "core/model", "core/wire",
                                    "hoptrail/v1"],
    "collector/notify/pagerduty": ["collector/notify", "collector/api", "collector/store", "core/config",
                                   "core/detect", "core/model", "core/wire", "hoptrail/v1"],
    # Wires all parts of the collector.
    "collector/app": ["collector/api", "collector/bus", "collector/engine", "collector/engine/loop",
                      "collector/ingest", "collector/notify", "collector/notify/json_lines",
                      "collector/notify/pagerduty", "collector/query", "collector/rpc", "collector/store",
                      "collector/store/sqlite", "core/config", "core/model", "hoptrail/v1"],
    "cli": ["core/config", "hoptrail/v1"],
    "tests/bench/engine": ["collector/engine", "core/model"],
    "tests/bench/floor": ["bpf/include", "bpf/skeleton"],
    "tests/bench/load": [],
    "tests/fuzz": ["agent/*", "bpf/abi", "collector/*", "core/*", "hoptrail/v1"],
    "tests/kernel": ["agent/*", "bpf/abi", "bpf/skeleton", "core/*"],
    "tests/storm": ["agent/*", "bpf/abi", "core/*", "tests/kernel"],
}

# directory: what its test files may include in addition.
TESTS = {
    "collector/api": ["collector/store/sqlite"],
    "collector/app": ["core/sqlite", "core/wire"],
    "collector/bus": ["collector/bus/conformance"],
    "collector/engine/loop": ["collector/store/sqlite"],
    "collector/notify": ["collector/store/sqlite", "core/wire"],
    "collector/notify/json_lines": ["collector/notify/conformance"],
    "collector/notify/pagerduty": ["collector/notify/conformance"],
    "collector/store/sqlite": ["collector/store/conformance"],
}
TEST_FILE = re.compile(r"(_test|_testing|_for_test|_fixture|_fake)$|^(fake_|testing$|test_)")

# prefix of a third-party header: the directories that may include it. Test files may include any.
THIRD_PARTY = {
    "bpf/": ["agent/kernel", "agent/kernel/objects", "agent/kernel/programs", "agent/kernel/ring",
             "agent/kernel/snapshot", "agent/kernel/uprobes", "agent/kernel/watch", "bpf/*", "tests/*"],
    "grpcpp/": ["agent/uplink", "agent/worker", "cli", "collector/app", "collector/ingest", "collector/query",
                "collector/rpc", "core/config", "tests/*"],
    "google/protobuf/": ["agent/config", "agent/loader", "agent/spool", "agent/uplink", "agent/worker", "cli",
                         "collector/api", "collector/app", "collector/engine", "collector/ingest",
                         "collector/notify/*", "collector/query", "collector/rules", "collector/store/sqlite",
                         "core/config", "core/wire", "tests/*"],
    "sqlite3.h": ["core/sqlite", "tests/*"],
    "yaml-cpp/": ["core/config"],
    "curl/": ["collector/notify/pagerduty"],
    "hoptrail/internal/": ["collector/store/sqlite"],
    "seccomp.h": ["agent/privilege"],
    "openssl/": ["core/base", "core/config", "tests/*"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SKELETON = re.compile(r"^bpf/.*\.skel\.h$")
SOURCES = (".h", ".cc", ".c")


def covers(entries, path):
    return any(path == entry or entry.endswith("/*") and f"{path}/".startswith(entry[:-1]) for entry in entries)


def project_directory(root, header, quoted):
    """The table's word for the header's directory; None for a header of somebody else."""
    if header.startswith("hoptrail/v1/"):
        return "hoptrail/v1"
    if SKELETON.match(header):
        return "bpf/skeleton"  # generated
    return header.rpartition("/")[0] if quoted and (root / header).exists() else None


def offences(root, path):
    relative = path.relative_to(root).as_posix()
    directory = relative.rpartition("/")[0]
    if directory not in ALLOWED:
        yield f"{relative}: its directory has no row in the layer table"
        return
    is_test = TEST_FILE.search(path.stem)
    allowed = [directory, "core/base"] + ALLOWED[directory] + (TESTS.get(directory, []) if is_test else [])
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        included = project_directory(root, header, quoted)
        if included is not None:
            if not covers(allowed, included) and header not in allowed:
                yield f"{relative}:{number}: {directory} may not include {header}"
            continue
        for prefix, directories in THIRD_PARTY.items():
            if header.startswith(prefix) and not covers(directories, directory) and not is_test:
                yield f"{relative}:{number}: {directory} may not include <{header}>"


def stale_entries(root):
    """Entries of the tables that name nothing."""
    for table in (ALLOWED, TESTS, THIRD_PARTY):
        for key, entries in table.items():
            names = entries if table is THIRD_PARTY else [key] + entries
            for name in names:
                if name not in ("hoptrail/v1", "bpf/skeleton") and not (root / name.removesuffix("/*")).exists():
                    yield f"the layer table names {name} ({key}), which does not exist"


def directories_of(entry, table):
    """The table's rows that an entry allows: its directory, which for a header is the header's."""
    directory = entry.rpartition("/")[0] if entry.endswith((".h", "/*")) else entry
    return [row for row in table if row == directory or entry.endswith("/*") and row.startswith(directory + "/")]


def circles(table):
    """Each circle of the table as a list of directories that begins and ends with the same one."""
    path, done, found = [], set(), []

    def visit(directory):
        if directory in path:
            found.append(path[path.index(directory):] + [directory])
            return
        if directory in done:
            return
        path.append(directory)
        for entry in table[directory]:
            for row in directories_of(entry, table):
                if row != directory:
                    visit(row)
        done.add(path.pop())

    for row in table:
        visit(row)
    return found


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    found, files = list(stale_entries(root)), 0
    found.extend(f"the layer table has a circle: {' -> '.join(circle)}" for circle in circles(ALLOWED))
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
