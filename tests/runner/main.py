"""The part of tests/run.sh that is written in Python: builds, runs the tiers, prints their times and counts."""

import argparse
import os
import signal
import sys
import threading
import time

import tiers
from record import ROOT, Record

ALL = "all"


def parse():
    parser = argparse.ArgumentParser(prog="tests/run.sh", description=__doc__)
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)  # seconds since the start
    parser.add_argument("--preset", choices=("dev", "release", *tiers.SANITIZERS), default="dev")
    parser.add_argument("--one-at-a-time", action="store_true", help="run no tier in the background")
    parser.add_argument("tiers", nargs="*", metavar="TIER", help=f"{ALL}, or any of {' '.join(tiers.ORDER)}")
    options = parser.parse_args()
    options.everything = options.tiers == [ALL]
    unknown = set(options.tiers) - set(tiers.ORDER)
    if unknown and not options.everything:
        parser.error(f"no tier is named {', '.join(sorted(unknown))}")
    if options.everything and options.preset != "dev":
        parser.error("all chooses its presets itself; leave out --preset")
    if options.everything or not options.tiers:
        options.tiers = [name for name in tiers.ORDER if options.preset == "dev" or name not in tiers.EMULATED]
    else:
        options.tiers = [name for name in tiers.ORDER if name in options.tiers]
    return options


def run_in_background(all_tiers, names, calm):
    for name in names:
        if name in tiers.EMULATED:
            calm.wait()
        all_tiers.run(name, background=True)


def run(options, record):
    """Installs, builds and runs. A step that fails has been counted as failed in `record`."""
    installing = threading.Thread(target=tiers.install_rest, args=(record,))
    installing.start()
    # The fuzz targets are a build of their own.
    built = options.tiers == ["fuzz"] or tiers.build(record, options.preset)
    installing.join()
    if not built or record.failed:
        return
    all_tiers = tiers.Tiers(record, options.preset, options.everything)
    background = [name for name in options.tiers if name in tiers.EMULATED]
    front = [name for name in options.tiers if name not in tiers.EMULATED]
    if "fuzz" in front:
        background.insert(0, tiers.FUZZ_BUILD)
    if options.one_at_a_time or front in ([], ["fuzz"]):
        for name in [*background, *front]:
            all_tiers.run(name)
    else:
        # The tier storm leaves guests almost no CPU time, and their tests would time out: they boot after it.
        calm = threading.Event()
        worker = threading.Thread(target=run_in_background, args=(all_tiers, background, calm))
        worker.start()
        for index, name in enumerate(front):
            if tiers.STORM not in front[index:]:
                calm.set()
            all_tiers.run(name)
        calm.set()
        worker.join()
    if options.everything:
        for name in tiers.SANITIZERS:
            all_tiers.run(name)


def main():
    options = parse()
    record = Record(os.path.join(ROOT, "build", options.preset, "test-logs"), time.monotonic() - options.began)
    record.add_time("install-build", 0.0, options.began, 0.0)

    def stop(number, _):
        record.stop()  # ends everything that was started
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    run(options, record)
    record.print_times()
    print(f"{record.passed} passed, {record.failed} failed")
    return 0 if record.passed and not record.failed else 1


if __name__ == "__main__":
    sys.exit(main())
