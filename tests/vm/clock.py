#!/usr/bin/python3
"""Sets the wall clock under a running collector and agent, in a guest: this machine's clock must stay as it is.

    clock.py [--build DIR] [--cache DIR] [--logs DIR] [--kernel SERIES] [--binaries DIR]

Ends with one line `N passed, N failed`. Needs what the vm tier needs.
"""

import argparse
import os
import shutil
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import fleet  # noqa: E402
import guest  # noqa: E402
import image  # noqa: E402
from verdicts import Verdicts  # noqa: E402

BOUND_S = 1500
PROGRAMS = ("hoptrail", "hoptrail-agent", "hoptrail-collector")


class ClockGuest(guest.Guest):
    # The agent's worker needs landlock.
    PARAMETERS = guest.Guest.PARAMETERS + " lsm=landlock,lockdown,yama,apparmor,bpf"


def build_root(directory, binaries):
    """Makes the guest's root: the programs in /usr/bin, and what the script needs. Returns the archive."""
    root = image.RootDirectory(os.path.join(directory, "root"))
    for program in ("/bin/sh", "/usr/bin/busybox"):
        root.add(program)
    for name in PROGRAMS:
        path = os.path.join(binaries, name)
        shutil.copy2(path, os.path.join(root.path, "usr/bin", name))
        for library in image.libraries_of(path):
            root.add(library)
    root.set_init(os.path.join(HERE, "clock_init"))
    shutil.copy(os.path.join(HERE, "clock_check"), os.path.join(root.path, "vm/clock_check"))
    archive = os.path.join(directory, "clock.cpio")
    root.pack(archive)
    return archive


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"))
    parser.add_argument("--binaries", help="the directory of the programs (default BUILD/bin)")
    parser.add_argument("--cache", default=os.path.join(ROOT, "build/vm"))
    parser.add_argument("--logs")
    parser.add_argument("--kernel", default="6.1")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    logs = os.path.abspath(options.logs or os.path.join(build, "vm-clock"))
    os.makedirs(logs, exist_ok=True)
    tally = Verdicts()
    try:
        archive = build_root(logs, os.path.abspath(options.binaries or os.path.join(build, "bin")))

        def make(kernel):
            return ClockGuest(kernel, archive, os.path.join(logs, kernel.series), BOUND_S)

        for series, run in fleet.run([options.kernel], options.cache, make, tally):
            for name, _, passed, text in run.tests:
                tally.count(f"{series}: {name}", passed, text)
            print(f"{series}: {run.release}, {run.seconds:.0f} s", flush=True)
    except Exception:  # Counted as a failure, so that the last line is printed in any case.
        tally.count("clock", False, traceback.format_exc())
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
