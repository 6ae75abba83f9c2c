#!/usr/bin/python3
"""Counts the instructions of an operation, without and with the sensor, on kernels of every series.

    instructions.py --build DIR [--json FILE] [--kernel SERIES]... [--oldest-and-newest] [--check] [--write]
                    [--cache DIR] [--logs DIR]

Takes every kernel, those of --kernel, or with --oldest-and-newest these two. --check fails if a count is more than 3 %
above the one in instructions.json. --write writes the counts to that file; say in the commit why they may grow. The
output ends with one line `N passed, N failed`. Needs root and, for kernels that are not in the cache yet, Debian's
mirror.
"""

import argparse
import json
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[0:0] = [HERE, os.path.join(ROOT, "tests/vm")]

import counting_guest  # noqa: E402
import fleet  # noqa: E402  the vm tier's, as is kernels
import kernels  # noqa: E402
from verdicts import Verdicts  # noqa: E402

FILE = os.path.join(HERE, "instructions.json")
GUEST_BOUND_S = 1800
GROWTH = 1.03
SCATTER = 0.005


def fault_of(was, now, sensor):
    """The fault of a count, or "". The sensor's part in the kernel and the worker's part are also checked by
    themselves, because they are a small part of a long operation. SCATTER allows a two-hundredth of the operation, by
    which two boots may differ."""
    if sensor == "worker":
        added, before = now["worker"], was["worker"]
    else:
        added, before = (counts[sensor] - counts["none"] for counts in (now, was))
        if now[sensor] > was[sensor] * GROWTH:
            return f"{now[sensor]} instructions, {was[sensor]} in the file"
    if added > before * GROWTH + was["none"] * SCATTER:
        return f"{added:.1f} instructions added, {before:.1f} in the file"
    return ""


def check(tally, series, kernel, counts, held, checked):
    """Compares each count with the file's."""
    if held is None:
        tally.count(f"{series}", False, f"{os.path.relpath(FILE, ROOT)} has no counts of this series")
        return
    for mode, sensors in held["instructions"].items():
        for sensor in checked:
            now = counts.get(mode, {})
            fault = fault_of(sensors, now, sensor) if sensor in now else "it was not counted"
            tally.count(f"{series}: {mode}: {sensor}", not fault, f"{fault} (on {kernel}; the file: {held['kernel']})")


def print_counts(series, counts):
    for mode, sensors in counts.items():
        without = sensors.get("none")
        print(f"{series:5} {mode:8} {without:>10.1f}  " + "  ".join(
            f"{sensor} {count - without:+.1f} ({(count / without - 1) * 100:+.2f} %)"
            for sensor, count in sensors.items() if sensor not in ("none", "worker"))
              + f"  worker {sensors.get('worker')}", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--json", metavar="FILE", help="write the counts there")
    parser.add_argument("--kernel", action="append", choices=list(kernels.SUITES))
    parser.add_argument("--oldest-and-newest", action="store_true", help="only these two kernels")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--cache", default=os.path.join(ROOT, "build/vm"))
    parser.add_argument("--logs")
    options = parser.parse_args()
    if options.oldest_and_newest:
        if options.kernel:
            parser.error("--oldest-and-newest chooses the kernels; leave out --kernel")
        options.kernel = [*kernels.SUITES][:: len(kernels.SUITES) - 1]
    return options


def read_file():
    if not os.path.exists(FILE):
        return {"build": "", "kernels": {}}
    with open(FILE, encoding="utf-8") as file:
        return json.load(file)


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def main():
    options = parse()
    build = os.path.abspath(options.build)
    logs = os.path.abspath(options.logs or os.path.join(build, "instructions"))
    os.makedirs(logs, exist_ok=True)
    tally = Verdicts()
    held, found = read_file(), {}
    build_name = os.path.basename(build)
    # The counts without a sensor (`none`) are in the file only for comparison. The worker's count depends on the
    # build's compiler flags, so it is checked only for the same build.
    checked = ("in_kernel", "worker") if held["build"] == build_name else ("in_kernel",)
    try:
        archive = counting_guest.build(logs, os.path.join(build, "bin/hoptrail-agent"), os.path.join(build, "bench"))

        def make(kernel):
            return counting_guest.CountingGuest(kernel, archive, os.path.join(logs, kernel.series), GUEST_BOUND_S)

        for series, run in fleet.run(options.kernel, options.cache, make, tally):
            for name, number, passed, text in run.tests:
                tally.count(f"{series}: {name}", passed, text)
            counts = run.counts()
            found[series] = {"kernel": run.release, "package": run.kernel.version, "instructions": counts,
                             "programs": run.programs()}
            print(f"{series}: {run.release}, {run.seconds:.0f} s", flush=True)
            if all("none" in sensors for sensors in counts.values()):
                print_counts(series, counts)
            if options.check:
                check(tally, series, run.release, counts, held["kernels"].get(series), checked)
    except Exception:  # Any error is a failed test: the last line must be printed.
        tally.count("instructions", False, traceback.format_exc())
    found = {series: found[series] for series in kernels.SUITES if series in found}
    if options.json:
        write(options.json, {"build": build_name, "kernels": found})
    if options.write and not tally.failed:
        kept = held["kernels"] if held["build"] == build_name else {}
        kept.update({series: {part: each[part] for part in ("kernel", "package", "instructions")}
                     for series, each in found.items()})
        write(FILE, {"build": build_name, "kernels": kept})
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
