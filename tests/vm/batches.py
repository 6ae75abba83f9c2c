"""The batches of tests that a guest runs. A batch is one process.

kernel_guest_tests holds all tests that use the sensor: those that run in one process share an open one.
"""

import json
import os
import subprocess

import expectation

GUEST_PROGRAM = "kernel_guest_tests"
SHARED, OWN = "shared", "own"
# ctest's label of the programs whose tests mostly share one sensor (tests/kernel/CMakeLists.txt).
SHARED_LABEL = "shared_sensor"
# In the name of a suite of such a program: each of its tests needs a new sensor.
FRESH_SUITE = "FreshSensor"
# Batches by themselves, since kernel_guest_tests does not hold them: they use no sensor.
SEPARATE = ("kernel_contract_test",)


class Part:
    """The tests of one program in one batch, and the event sources that concern them."""

    def __init__(self, batch, program, sources):
        self.batch = batch
        self.program = program
        self.sources = sources
        self.suites = {}  # name → names of its tests

    @property
    def name(self):
        return f"{self.batch}.{self.program}"

    def tests(self):
        return [f"{suite}.{test}" for suite, tests in self.suites.items() for test in tests]


class Plan:
    """`batches`: name → file of the program. `parts`: what they run."""

    def __init__(self, batches, parts):
        self.batches = batches
        self.parts = parts

    def tests(self):
        """Part → its tests, by their full names."""
        return {part.name: part.tests() for part in self.parts}

    def text(self, bound_s):
        """The lines for guest_init, `batch NAME SECONDS FILE` and `part NAME BATCH SOURCES FILTER`."""
        lines = [f"batch {name} {bound_s} {file}" for name, file in self.batches.items()]
        for part in self.parts:
            sources = ",".join(source.replace(" ", "_") for source in part.sources) or "-"
            lines.append(f"part {part.name} {part.batch} {sources} {':'.join(f'{suite}.*' for suite in part.suites)}")
        return "".join(line + "\n" for line in lines)


def test_programs(build):
    """The tests kernel_… that ctest runs under the label `kernel`, in its order: (name, file, whether its tests mostly
    share one sensor)."""
    listed = json.loads(subprocess.run(
        ["ctest", "--test-dir", build, "-L", "^kernel$", "--show-only=json-v1"],
        capture_output=True, text=True, check=True).stdout)
    programs = []
    for test in listed["tests"]:
        if test["name"].startswith("kernel_"):
            properties = {entry["name"]: entry["value"] for entry in test["properties"]}
            programs.append((test["name"], test["command"][0], SHARED_LABEL in properties["LABELS"]))
    if not programs:
        raise RuntimeError(f"{build}: ctest lists no test kernel_… with the label `kernel`; is it built?")
    return programs


def suites_of(file):
    """The suites of a GoogleTest program: name → names of its tests."""
    listed = subprocess.run([file, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout
    suites = {}
    for line in listed.splitlines():
        name = line.partition("#")[0].strip()
        if line.startswith("  "):
            tests.append(name)
        elif name.endswith("."):
            tests = suites.setdefault(name[:-1], [])
    return suites


def make(build, only=()):
    """The plan of the programs in `only` (empty: of all)."""
    table = expectation.read()
    together = os.path.join(build, "tests", GUEST_PROGRAM)
    held = suites_of(together)
    batches, parts = {}, {}
    for program, file, shared in test_programs(build):
        if only and program not in only:
            continue
        for suite, tests in suites_of(file).items():
            if program in SEPARATE:
                batch = program
            else:
                batch = SHARED if shared and FRESH_SUITE not in suite else OWN
                if held.get(suite) != tests:
                    raise RuntimeError(f"{GUEST_PROGRAM} does not hold the tests of {program}: {suite}")
            batches.setdefault(batch, file if batch == program else together)
            part = Part(batch, program, expectation.sources_of(program, table))
            parts.setdefault(part.name, part).suites[suite] = tests
    if not parts:
        raise RuntimeError(f"ctest lists no test named {' or '.join(only)}")
    return Plan(batches, list(parts.values()))
