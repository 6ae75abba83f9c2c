#!/usr/bin/python3
"""The vm tier: the kernel tier's tests, unchanged, on kernels of other series under software emulation.

    run.py [--build DIR] [--cache DIR] [--logs DIR] [--kernel SERIES]... [--only PROGRAM]... [--thorough]

Boots each kernel once. In its guest every test runs with the best hooks that load, and again with the last hooks that
load (HOPTRAIL_FORCE_TIERS). expected_coverage lists the tiers that must load. The tests run in the batches of
batches.py; a test without a result is a failure. Writes report.json to the logs. With --thorough the tests run again
for each further tier that loads, and races and floods are as long as on this machine. Ends with one line
`N passed, N failed`. Needs root and Debian's mirror. A kernel that is not available is a failure.
"""

import argparse
import json
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import batches  # noqa: E402
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
# Bounds of one test, and of all tests of a batch in one pass. Other tiers may use the CPUs, too.
TEST_BOUND_S = 600
BATCH_BOUND_S = 3000


def build_root(directory, build, plan, thorough):
    """The archive of a root that runs the plan."""
    report = os.path.join(build, "tests", REPORT_PROGRAM)
    first = f"report {REPORT_BOUND_S} {report}" + (" --every-tier" if thorough else "")
    return image.build(directory, [report, *sorted(set(plan.batches.values()))],
                       f"{first}\n{plan.text(BATCH_BOUND_S)}")


def count(tally, series, run):
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
        plan = batches.make(build, options.only or ())
        archive = build_root(logs, build, plan, options.thorough)
        parameters = f"HOPTRAIL_TEST_SECONDS={TEST_BOUND_S}"
        if not options.thorough:
            parameters += f" HOPTRAIL_ONE_ROUND_IN={ONE_ROUND_IN}"

        def make(kernel):
            return guest.Guest(kernel, archive, os.path.join(logs, kernel.series), GUEST_BOUND_S, parameters,
                               plan.tests())

        for series, run in fleet.run(options.kernel, options.cache, make, tally):
            runs[series] = run
            count(tally, series, run)
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
