"""The base of the lab's test classes: paths of the programs under test and of the logs, and the measured values."""

import os
import time
import unittest

# Set by run.py before any test runs.
binaries = None
logs = None
measured = []  # (test class, what, value): printed after the last test of a module


class LabTestCase(unittest.TestCase):
    maxDiff = None  # a wrong path is only understood from the whole difference

    @classmethod
    def directory(cls):
        """This class's own directory for logs."""
        path = os.path.join(logs, cls.__name__)
        os.makedirs(path, exist_ok=True)
        return path

    @classmethod
    def transcript(cls):
        """A function that writes the story's lines to a file beside the logs."""
        file = open(os.path.join(cls.directory(), "story.log"), "a", encoding="utf-8", buffering=1)
        cls.addClassCleanup(file.close)
        return lambda line: print(line, file=file)

    @classmethod
    def measure(cls, what, value):
        measured.append((cls.__name__, what, value))


class SteppedTestCase(LabTestCase):
    """One test of several steps, each of which continues the one before: the methods `step_N_…`, in the order of N. The
    first failure ends the test."""

    def test_step_by_step(self):
        for _, name in sorted((int(name.split("_")[1]), name) for name in dir(self) if name.startswith("step_")):
            began = time.monotonic()
            getattr(self, name)()
            self.doCleanups()
            print(f"      {type(self).__name__}.{name} ({time.monotonic() - began:.1f} s)", flush=True)
