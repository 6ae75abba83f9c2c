"""Debian's packages, of whichever suites, kept below a directory of the caller's (under the build tree).

The machine's own package lists and caches are neither read nor changed.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import time

MIRROR = "http://deb.debian.org/debian"
INDEX_LIFE_S = 24 * 3600
ATTEMPTS = 3


class ArchiveError(Exception):
    """Why a package cannot be had."""


class Archive:
    """Private apt lists and caches below `directory`. Several processes may share one: see locked()."""

    def __init__(self, directory, suites):
        self.directory = os.path.abspath(directory)
        self._sources_text = "".join(f"deb {MIRROR} {suite} main\n" for suite in sorted(suites))
        self._sources = os.path.join(self.directory, "sources.list")
        self._lists = os.path.join(self.directory, "lists")
        self._cache = os.path.join(self.directory, "cache")
        for path in (os.path.join(self._lists, "partial"), os.path.join(self._cache, "archives/partial")):
            os.makedirs(path, exist_ok=True)

    @contextlib.contextmanager
    def locked(self):
        """Around everything else: one process at a time, with lists that are not older than a day."""
        with open(os.path.join(self.directory, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._update()
            yield self

    def versions(self, prefix):
        """Every package that the suites offer whose name begins so: (name, version)."""
        found = set()
        name = None
        for line in self._apt("apt-cache", "dumpavail").splitlines():
            if line.startswith("Package: "):
                name = line[len("Package: "):]
            elif line.startswith("Version: ") and name.startswith(prefix):
                found.add((name, line[len("Version: "):]))
        return found

    def download(self, package, version, directory):
        """One package's file, put into `directory`."""
        self._retry(lambda: self._apt("apt-get", "download", f"{package}={version}", cwd=directory))
        files = [name for name in os.listdir(directory) if name.startswith(f"{package}_") and name.endswith(".deb")]
        if len(files) != 1:
            raise ArchiveError(f"{package}: {len(files)} files after the download")
        return os.path.join(directory, files[0])

    def with_dependencies(self, packages):
        """The files of these packages and of all that they need, in the newest versions; they stay in the cache."""
        arguments = ("install", "--yes", "--no-install-recommends", *packages)
        files = []
        for line in self._apt("apt-get", "--simulate", *arguments).splitlines():
            planned = re.match(r"Inst (\S+) \((\S+) .*\[(\w+)\]\)", line)
            if planned:
                package, version, architecture = planned.groups()
                name = f"{package}_{version.replace(':', '%3a')}_{architecture}.deb"
                files.append(os.path.join(self._cache, "archives", name))
        if not all(map(os.path.exists, files)):
            self._retry(lambda: self._apt("apt-get", "--download-only", *arguments))
        return files

    def _update(self):
        stamp = os.path.join(self.directory, "updated")
        fresh = os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < INDEX_LIFE_S
        if fresh and open(self._sources, encoding="ascii").read() == self._sources_text:
            return
        with open(self._sources, "w", encoding="ascii") as file:
            file.write(self._sources_text)
        self._retry(lambda: self._apt("apt-get", "update", "--error-on=any"))
        with open(stamp, "w", encoding="ascii"):
            pass

    def _apt(self, program, *arguments, cwd=None):
        command = [program, "-q", "-o", f"Dir::Etc::SourceList={self._sources}", "-o", "Dir::Etc::SourceParts=-",
                   "-o", f"Dir::State={self.directory}", "-o", f"Dir::State::Lists={self._lists}",
                   "-o", "Dir::State::status=/dev/null", "-o", f"Dir::Cache={self._cache}",
                   "-o", "Debug::NoLocking=1", "-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3",
                   "-o", "APT::Sandbox::User=root", *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ArchiveError(f"{program} {arguments[0]}: {done.stderr.strip()[-400:]}")
        return done.stdout

    @staticmethod
    def _retry(action):
        for attempt in range(ATTEMPTS):
            try:
                return action()
            except ArchiveError:
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(5 * (attempt + 1))
        return None
