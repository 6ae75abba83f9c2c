#!/usr/bin/python3
"""The vm tier: the kernel tier's tests, unchanged, on kernels of other series under software emulation.

    run.py [--build DIR] [--cache DIR] [--logs DIR] [--kernel SERIES]... [--only PROGRAM]... [--thorough]

Boots each kernel once. In its guest every test program runs with the best hooks that load, and again with the last
hooks that load (HOPTRAIL_FORCE_TIERS). expected_coverage lists the tiers that must load. Writes report.json to the
logs. With --thorough the programs run again for each further tier that loads, and races and floods are as long as on
this machine. Ends with one line `N passed, N failed`. Needs root and Debian's mirror. A kernel that is not available
is a failure.
"""

import argparse
import json
import os
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import expectation  # noqa: E402
import fleet  # noqa: E402
import guest  # noqa: E402
import image  # noqa: E402
import kernels  # noqa: E402
from verdicts import Verdicts  # noqa: E402

GUEST_BOUND_S = 3600
REPORT_PROGRAM = "kernel_coverage_report"
REPORT_BOUND_S = 900
# Races and floods have one in so many of their rounds, unless --thorough (Rounds() in tests/kernel/harness.h).
ONE_ROUND_IN = 5
# A test program's time bound in a guest is its bound on this machine times this: other tiers may use the CPUs, too.
SLOWNESS = 4


def test_programs(build):
    """The tests kernel_… that ctest runs under the label `kernel`, in its order: (name, bound in s, command)."""
    listed = json.loads(subprocess.run(
        ["ctest", "--test-dir", build, "-L", "^kernel$", "--show-only=json-v1"],
        capture_output=True, text=True, check=True).stdout)
    programs = []
    for test in listed["tests"]:
        if not test["name"].startswith("kernel_"):
            continue
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        programs.append((test["name"], int(properties.get("TIMEOUT", 300)), test["command"]))
    if not programs:
        raise RuntimeError(f"{build}: ctest lists no test kernel_… with the label `kernel`; is it built?")
    return programs


def helper_programs(build):
    """Every program of that tier beside the test programs, these included."""
    directory = os.path.join(build, "tests")
    paths = (os.path.join(directory, name) for name in sorted(os.listdir(directory)) if name.startswith("kernel_"))
    return [path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)]


def make_plan(build, programs, thorough):
    table = expectation.read()
    report = os.path.join(build, "tests", REPORT_PROGRAM) + (" --every-tier" if thorough else "")
    lines = [f"coverage_report {REPORT_BOUND_S} - {report}"]
    for name, bound, command in programs:
        sources = ",".join(source.replace(" ", "_") for source in expectation.sources_of(name, table))
        lines.append(f"{name} {bound * SLOWNESS} {sources or '-'} {' '.join(command)}")
    return "".join(line + "\n" for line in lines)


def judge(tally, series, run):
    """Counts the results of one guest."""
    for name, number, passed, text in run.tests:
        forced = run.passes.get(number, "")
        tally.count(f"{series}: {name}" + (f" with {forced}" if forced else ""), passed, text)
    if run.report is None:
        tally.count(f"{series}: coverage report", False, "the guest has printed no report")
        return
    for name, fault in expectation.check(series, run.report):
        tally.count(f"{series}: coverage: {name}", not fault, fault)


def summary(series, run):
    """One guest's entry in report.json."""
    entry = {"series": series, "package": run.kernel.package, "version": run.kernel.version,
             "kernel": run.release, "security_modules": run.modules, "passes": []}
    for number in sorted(run.passes):
        results = [passed for _, at, passed, _ in run.tests if at == number]
        entry["passes"].append({"forced": run.passes[number], "passed": results.count(True),
                                "failed": results.count(False)})
    for key in ("sources", "programs"):
        entry[key] = run.report[key] if run.report else []
    return entry


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"))
    parser.add_argument("--cache", default=os.path.join(ROOT, "build/vm"))
    parser.add_argument("--logs")
    parser.add_argument("--kernel", action="append", choices=list(kernels.SUITES))
    parser.add_argument("--only", action="append", help="a test program by its name in ctest")
    parser.add_argument("--thorough", action="store_true", help="every tier that loads, and every round of a race")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    logs = os.path.abspath(options.logs or os.path.join(build, "vm"))
    os.makedirs(logs, exist_ok=True)
    tally = Verdicts()
    runs = {}
    try:
        programs = [entry for entry in test_programs(build) if not options.only or entry[0] in options.only]
        archive = image.build(logs, helper_programs(build), make_plan(build, programs, options.thorough))
        parameters = "" if options.thorough else f"HOPTRAIL_ONE_ROUND_IN={ONE_ROUND_IN}"

        def make(kernel):
            return guest.Guest(kernel, archive, os.path.join(logs, kernel.series), GUEST_BOUND_S, parameters)

        for series, run in fleet.run(options.kernel, options.cache, make, tally):
            runs[series] = run
            judge(tally, series, run)
            print(f"{series}: {run.release}, {len(run.passes)} passes, {run.seconds:.0f} s, "
                  f"{run.used:.0f} s of a CPU", flush=True)
    except Exception:  # Counted as a failure, so that the last line is printed in any case.
        tally.count("vm tier", False, traceback.format_exc())
    with open(os.path.join(logs, "report.json"), "w", encoding="utf-8") as file:
        json.dump({"kernels": [summary(series, runs[series]) for series in kernels.SUITES if series in runs]},
                  file, indent=1)
        file.write("\n")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
