"""Ownership of a lab's objects on this machine, and removal of those that killed labs have left.

A lab's namespaces are named ht<pid>-<host>. Its run file is locked as long as the lab lives. So the kernel's lock table
says whether the owner is dead; a pid could belong to another process by now.
"""

import contextlib
import fcntl
import os
import re
import shutil

import namespaces

RUN_DIRECTORY = "/run/hoptrail-lab"
NAME = re.compile(r"^ht(\d+)-[a-z]+$")


@contextlib.contextmanager
def _registry():
    """A lock held while run files are made or swept, so that a sweep never sees a run file that is not locked yet."""
    os.makedirs(RUN_DIRECTORY, mode=0o700, exist_ok=True)
    descriptor = os.open(RUN_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Ownership:
    """Holds the run file. `scratch` is the lab's directory that is removed with the lab (None: keep)."""

    def __init__(self, scratch):
        self.prefix = f"ht{os.getpid()}-"
        self.path = os.path.join(RUN_DIRECTORY, str(os.getpid()))
        with _registry():
            self._file = open(self.path, "w", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.write(scratch or "")
            self._file.flush()

    def release(self):
        if self._file:
            os.unlink(self.path)
            self._file.close()
            self._file = None


def remove_namespaces(prefix):
    for name in namespaces.names():
        if name.startswith(prefix):
            namespaces.remove(name)


def sweep():
    """Removes the objects of labs whose owner is dead. Returns the prefixes that it removed."""
    removed = set()
    alive = set()
    with _registry():
        for run_file in os.listdir(RUN_DIRECTORY):
            scratch = _take_over(os.path.join(RUN_DIRECTORY, run_file))
            if scratch is None:
                alive.add(f"ht{run_file}-")
                continue
            remove_namespaces(f"ht{run_file}-")
            if os.path.basename(scratch).startswith("hoptrail-lab-"):
                shutil.rmtree(scratch, ignore_errors=True)
            os.unlink(os.path.join(RUN_DIRECTORY, run_file))
            removed.add(f"ht{run_file}-")
        for name in namespaces.names():
            match = NAME.match(name)
            if match and f"ht{match.group(1)}-" not in alive:
                namespaces.remove(name)
                removed.add(f"ht{match.group(1)}-")
    return sorted(removed)


def _take_over(path):
    """A dead owner's scratch directory ("" if it has none), or None if the owner is alive."""
    with open(path, "r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return file.read().strip()
