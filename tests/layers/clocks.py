#!/usr/bin/python3
"""Fails where a program measures by the wall clock.

A timer that uses the wall clock fires early or hangs when somebody sets the clock. Code that waits or measures uses
`SteadyTime` (core/base/steady_time.h) or `Clock::BootNs()`. The wall clock is for times that people read and for times
that cross restarts or hosts; code reads it through `Clock::WallNs()` only. Tests are not checked.
"""

import pathlib
import re
import sys

# pattern: what to write instead.
REFUSED = {
    r"absl::Now\(": "SteadyTime::Now(), or Clock::System().WallNs() for what people read",
    r"\bsystem_clock\b": "SteadyTime",
    r"(Wait|Await)WithDeadline\(": "a timeout, which core/base/steady_waits.cc keeps off the wall clock",
    r"\bCLOCK_REALTIME\b": "Clock::System().WallNs()",
    r"\bgettimeofday\(": "Clock::System().WallNs()",
    r"\btime\((nullptr|NULL|0)\)": "Clock::System().WallNs()",
}

# file: the patterns that it may contain, and why.
ALLOWED = {
    "core/base/clock.cc": [r"\bCLOCK_REALTIME\b"],        # the one place that reads it
    "core/base/log.cc": [r"absl::Now\("],                 # a log line's time, for people
    "core/base/steady_waits.cc": [r"\bCLOCK_REALTIME\b"],  # takes Abseil's deadlines off it
    "core/base/tsan_abseil_locks.cc": [r"(Wait|Await)WithDeadline\("],  # wraps Abseil's locks
    "cli/client.cc": [r"\bsystem_clock\b"],  # gRPC's own form of a deadline, translated at once
}

SOURCES = (".h", ".cc", ".c")
TESTS = re.compile(r"(_test|_testing|_for_test|_fixture|_fake)$|^(fake_|testing$|test_)")


def offences(root, path):
    relative = path.relative_to(root).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        code = line.partition("//")[0]
        for pattern, instead in REFUSED.items():
            if re.search(pattern, code) and pattern not in ALLOWED.get(relative, []):
                yield f"{relative}:{number}: measures by the wall clock: {line.strip()} (write {instead})"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    found, files = [], 0
    for top in ("core", "agent", "collector", "cli"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES and not TESTS.search(path.stem):
                files += 1
                found.extend(offences(root, path))
    for name, patterns in ALLOWED.items():
        text = (root / name).read_text(encoding="utf-8") if (root / name).exists() else ""
        found.extend(f"{name}: is allowed {pattern} but does not contain it" for pattern in patterns
                     if not re.search(pattern, text))
    for offence in found:
        print(offence)
    if files < 10:
        print(f"only {files} source files found below {root}: nothing was checked")
        return 1
    print(f"{files} files, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
