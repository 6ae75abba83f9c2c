"""Counts the checks that passed and that failed."""


class Verdicts:
    """Counts checks, and prints each failure once."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def count(self, name, passed, text=""):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}" + ("\n  " + text.replace("\n", "\n  ") if text else ""), flush=True)
