"""The tiers and the commands that each of them runs."""

import os
import threading
import traceback

from record import ROOT

EMULATED = ("vm", "instructions")
SANITIZERS = ("asan", "tsan")
# In the order in which they run.
ORDER = ("unit", "kernel", "storm", "lab", "ways", "quickstart", "image", "fuzz", *EMULATED)
STORM = "storm"
FUZZ_BUILD = "build-fuzz"
LAST_LINES = 40


def last_lines(text, count=LAST_LINES):
    return "\n".join(text.splitlines()[-count:])


def install_rest(record):
    """Installs the packages that the tests need and the build does not."""
    with record.timed("install-tests") as used:
        status, output = record.call("install", ["deploy/install-dependencies.sh", "test"], used)
    if status != 0:
        record.count(0, 1)
        record.say(f"{last_lines(output)}\nFAILED: installing what the tests need; this needs Debian's package mirror")


def build(record, preset, name="build", background=False):
    """Configures and builds a preset; returns whether that succeeded."""
    with record.timed(name) as used:
        for step, command in (("configure", ["cmake", "--preset", preset]),
                              ("compile", ["cmake", "--build", "--preset", preset])):
            status, output = record.call(f"{name}-{step}", command, used, background)
            if status != 0:
                break
    if status != 0:
        record.count(0, 1)
        errors = [line for line in output.splitlines() if "error:" in line or "FAILED" in line]
        record.say("\n".join(errors[:LAST_LINES]) + f"\n{last_lines(output, 20)}\nFAILED: the build of {preset}")
    return status == 0


class Tiers:
    """The tiers with one preset. Several threads may call run(), each for another tier."""

    def __init__(self, record, preset, everything):
        self._record = record
        self._preset = preset
        self._everything = everything
        self._build = os.path.join(ROOT, "build", preset)
        self._fuzz_ready = threading.Event()
        self._fuzz_built = False

    def run(self, name, background=False):
        """Runs one tier. Any exception counts as a failed test."""
        try:
            self._run(name, background)
        except Exception:  # The run must continue, up to its last line.
            self._record.count(0, 1)
            self._record.say(f"FAILED {name}: {traceback.format_exc()}")
        finally:
            if name == FUZZ_BUILD:
                self._fuzz_ready.set()

    def _run(self, name, background):
        if name == FUZZ_BUILD:
            self._fuzz_built = build(self._record, "fuzz", FUZZ_BUILD, background)
            return
        if name == "fuzz":
            self._fuzz_ready.wait()
            if not self._fuzz_built:
                return  # build() has counted the failure
        self._record.say(f"== {name}" + (", in the background" if background else ""))
        with self._record.timed(name) as used:
            if name in ("unit", "kernel", "storm"):
                getattr(self, f"_{name}")(used)
                return
            self._script(name, self._command(name), used, background)
            if name == "vm":
                self._script("vm-clock", ["tests/vm/clock.py", "--build", self._build, "--logs",
                                          os.path.join(self._record.logs, "vm-clock")], used, background)

    def _command(self, name):
        """The command of a tier that has a runner of its own."""
        binaries = ["--binaries", os.path.join(self._build, "bin")]
        logs = ["--logs", os.path.join(self._record.logs, name)]
        if name in ("lab", "ways"):
            # A sanitizer makes the programs so slow that the tests of two parallel labs would time out.
            return ["tests/lab/run.py", "--tier", name, *binaries, *logs, "--at-a-time",
                    "1" if self._preset in SANITIZERS else "2"]
        if name == "quickstart":
            return ["tests/quickstart/run.py", "--preset", "release" if self._everything else self._preset, *logs]
        if name == "image":
            return ["tests/image/run.py", *(["--from-source"] if self._everything else binaries), *logs]
        if name == "fuzz":
            seconds = os.environ.get("FUZZ_SECONDS", "30" if self._everything else "4")
            return ["tests/fuzz/run.py", "--programs", "build/fuzz/fuzz", *logs, "--seconds", seconds,
                    "--at-a-time", "2"]
        if name == "vm":
            return ["tests/vm/run.py", "--build", self._build, *(["--thorough"] if self._everything else [])]
        if name == "instructions":
            return ["tests/bench/instructions.py", "--build", self._build, "--check",
                    *([] if self._everything else ["--oldest-and-newest"])]
        return ["tests/run.sh", "--preset", name, "unit", "lab"]  # a sanitizer

    def _unit(self, used):
        for check in ("layers tests/layers/layers.py", "layer-checks tests/layers/checks_test.py",
                      "clocks tests/layers/clocks.py", "format tests/format.sh",
                      "coverage-table tests/vm/coverage_table.py --check", "runner tests/runner/checks_test.py",
                      "vm-checks tests/vm/checks_test.py", "bench tests/bench/checks_test.py",
                      "performance-page tests/bench/performance_page.py --check"):
            name, *command = check.split()
            self._check(name, command, used)
        if self._preset not in SANITIZERS:  # sanitizer builds may make more system calls
            self._check("system-calls", ["sh", "-c", "build/%s/bin/hoptrail-agent --print-system-calls |"
                                         " diff -u docs/system-calls.txt -" % self._preset], used)
        if self._everything:
            os.environ.setdefault("HOPTRAIL_HISTORIES", "10000")
        self._gtest("unit", 2, used)

    def _kernel(self, used):
        self._gtest("kernel", 1, used)  # One at a time: some losses are counted for the whole machine.

    def _storm(self, used):
        self._gtest("storm", 1, used)
        self._script("storm-lab", ["tests/storm/run.py", "--binaries", os.path.join(self._build, "bin"),
                                   "--logs", os.path.join(self._record.logs, "storm-lab")], used)

    def _check(self, name, command, used):
        """One test that passes or fails as a whole."""
        status, output = self._record.call(name, command, used)
        self._record.count(status == 0, status != 0)
        if status != 0:
            self._record.say(f"FAILED {name}:\n{last_lines(output)}")

    def _gtest(self, label, at_a_time, used):
        """Runs every GoogleTest program with that label; counts its tests one by one."""
        results = os.path.join(self._record.logs, label)
        os.makedirs(results)
        status, output = self._record.call(
            f"{label}-ctest", ["ctest", "--test-dir", self._build, "-L", f"^{label}$", "--no-tests=error",
                               "--output-on-failure", "-j", str(at_a_time)],
            used, env={"GTEST_OUTPUT": f"xml:{results}/"})
        if status != 0:
            self._record.say(last_lines(output))
        self._script(f"{label}-tally", ["tests/tally.py", results, str(status)], used)

    def _script(self, name, command, used, background=False):
        """Runs a runner that ends with `N passed, N failed`."""
        status, output = self._record.call(name, command, used, background, live=not background)
        if background:
            self._record.say(f"== {name}, which ran in the background\n{output.rstrip()}")
        self._record.count_result(name, status, output)
