"""Debian's kernels of other series: found in the package index, fetched and unpacked once, kept under the build tree.

The machine's own package lists and caches are neither read nor changed.
"""

import fcntl
import os
import re
import subprocess
import time

MIRROR = "http://deb.debian.org/debian"
# Series: the suites that may have it. What of them has the newest version is taken.
SUITES = {
    "5.10": ("bullseye",),
    "6.1": ("bookworm",),
    "6.12": ("bookworm-backports", "trixie"),
    "7.2": ("sid",),
}
INDEX_LIFE_S = 24 * 3600
ATTEMPTS = 3


class KernelError(Exception):
    """Why a kernel cannot be had."""


class Kernel:
    """An unpacked kernel image."""

    def __init__(self, series, package, version, image):
        self.series = series
        self.package = package
        self.version = version
        self.image = image


class Archive:
    """Private apt lists and caches below `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.lists = os.path.join(folder, "lists")
        self.packages = os.path.join(folder, "packages")
        for path in (os.path.join(self.lists, "partial"), os.path.join(folder, "cache/archives/partial"),
                     self.packages):
            os.makedirs(path, exist_ok=True)
        self.sources = os.path.join(folder, "sources.list")
        self._index = None

    def get(self, series):
        """The newest kernel of a series; raises KernelError where there is none."""
        with open(os.path.join(self.folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._index is None:
                self._index = self._read_index()
            package, version = self._newest(series)
            return Kernel(series, package, version, self._unpack(package, version))

    def _apt(self, program, *arguments, cwd=None):
        command = [program, "-q", "-o", f"Dir::Etc::SourceList={self.sources}", "-o", "Dir::Etc::SourceParts=-",
                   "-o", f"Dir::State::Lists={self.lists}", "-o", f"Dir::Cache={self.folder}/cache",
                   "-o", "Dir::State::status=/dev/null", "-o", "Acquire::Languages=none",
                   "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root", *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KernelError(f"{program} {arguments[0]}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def _read_index(self):
        """Every kernel package that the suites offer: (name, version)."""
        sources = "".join(f"deb {MIRROR} {suite} main\n" for suite in
                          sorted({suite for suites in SUITES.values() for suite in suites}))
        stamp = os.path.join(self.folder, "updated")
        fresh = os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < INDEX_LIFE_S
        if not fresh or open(self.sources, encoding="ascii").read() != sources:
            with open(self.sources, "w", encoding="ascii") as file:
                file.write(sources)
            self._retry(lambda: self._apt("apt-get", "update", "--error-on=any"))
            with open(stamp, "w", encoding="ascii"):
                pass
        found = set()
        name = None
        for line in self._apt("apt-cache", "dumpavail").splitlines():
            if line.startswith("Package: "):
                name = line[len("Package: "):]
            elif line.startswith("Version: ") and name.startswith("linux-"):
                found.add((name, line[len("Version: "):]))
        return found

    def _newest(self, series):
        """An image lies in linux-image-VERSION-amd64; in newer suites in linux-binary-…, and the other is empty."""
        for kind in ("binary", "image"):
            pattern = re.compile(rf"linux-{kind}-{re.escape(series)}\.[0-9][^-]*(-[0-9]+)?-amd64")
            best = None
            for package, version in sorted(self._index):
                if pattern.fullmatch(package) and (best is None or is_newer(version, best[1])):
                    best = (package, version)
            if best is not None:
                return best
        raise KernelError(f"no suite of {', '.join(SUITES[series])} has a kernel {series} for amd64")

    def _unpack(self, package, version):
        image = os.path.join(self.packages, f"{package}_{version}.vmlinuz".replace(":", "%"))
        if os.path.exists(image):
            return image
        self._retry(lambda: self._apt("apt-get", "download", f"{package}={version}", cwd=self.packages))
        archives = [name for name in os.listdir(self.packages) if name.startswith(f"{package}_")
                    and name.endswith(".deb")]
        if len(archives) != 1:
            raise KernelError(f"{package}: {len(archives)} archives after the download")
        archive = os.path.join(self.packages, archives[0])
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar, \
                open(image + ".new", "wb") as file:
            status = subprocess.run(["tar", "-x", "-O", "--wildcards", "*/vmlinuz*"], stdin=tar.stdout, stdout=file,
                                    check=False).returncode
            tar.stdout.read()
        if status != 0 or tar.returncode != 0 or os.path.getsize(image + ".new") == 0:
            raise KernelError(f"{archive}: holds no kernel image")
        os.rename(image + ".new", image)
        os.unlink(archive)
        return image

    @staticmethod
    def _retry(action):
        for attempt in range(ATTEMPTS):
            try:
                return action()
            except KernelError:
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(5 * (attempt + 1))
        return None


def is_newer(version, other):
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other], check=False).returncode == 0
