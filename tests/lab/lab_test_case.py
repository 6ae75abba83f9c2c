"""What the lab's test classes share: where the programs under test lie, where logs go, what is printed at the end."""

import os
import time
import unittest

# Set by run.py before any test runs.
binaries = None
logs = None
measured = []  # (test class, what, value): printed after the last test


class LabTestCase(unittest.TestCase):
    """Long differences are the whole point when a path is wrong."""

    maxDiff = None

    @classmethod
    def directory(cls):
        """This class's own directory for logs."""
        path = os.path.join(logs, cls.__name__)
        os.makedirs(path, exist_ok=True)
        return path

    @classmethod
    def transcript(cls):
        """Prints the story's lines into a file beside the logs."""
        file = open(os.path.join(cls.directory(), "story.log"), "a", encoding="utf-8", buffering=1)
        cls.addClassCleanup(file.close)
        return lambda line: print(line, file=file)

    @classmethod
    def measure(cls, what, value):
        measured.append((cls.__name__, what, value))


class SteppedTestCase(LabTestCase):
    """One test of several steps, each of which goes on from where the one before ended: its methods `step_N_…`, by N.
    None is run after one that failed."""

    def test_step_by_step(self):
        for _, name in sorted((int(name.split("_")[1]), name) for name in dir(self) if name.startswith("step_")):
            began = time.monotonic()
            getattr(self, name)()
            self.doCleanups()
            print(f"      {type(self).__name__}.{name} ({time.monotonic() - began:.1f} s)", flush=True)
