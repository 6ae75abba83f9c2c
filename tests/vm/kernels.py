"""Debian's kernels of other series: finds them in the package index, downloads and unpacks each once."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "debian"))

import archive  # noqa: E402

# Series: the suites that may have it. The newest version in them is used.
SUITES = {
    "5.10": ("bullseye",),
    "6.1": ("bookworm",),
    "6.12": ("bookworm-backports", "trixie"),
    "7.2": ("sid",),
}

KernelError = archive.ArchiveError


class Kernel:
    """An unpacked kernel image."""

    def __init__(self, series, package, version, image):
        self.series = series
        self.package = package
        self.version = version
        self.image = image


class Archive:
    """Unpacked kernels below `directory`."""

    def __init__(self, directory):
        self.packages = os.path.join(directory, "packages")
        os.makedirs(self.packages, exist_ok=True)
        self._debian = archive.Archive(directory, {suite for suites in SUITES.values() for suite in suites})
        self._index = None

    def get(self, series):
        """The newest kernel of a series; raises KernelError if there is none."""
        with self._debian.locked():
            if self._index is None:
                self._index = self._debian.versions("linux-")
            package, version = self._newest(series)
            return Kernel(series, package, version, self._unpack(package, version))

    def _newest(self, series):
        """linux-image-VERSION-amd64 holds the image; in newer suites it is empty, and linux-binary-… holds the image."""
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
        archive_file = self._debian.download(package, version, self.packages)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive_file], stdout=subprocess.PIPE) as tar, \
                open(image + ".new", "wb") as file:
            status = subprocess.run(["tar", "-x", "-O", "--wildcards", "*/vmlinuz*"], stdin=tar.stdout, stdout=file,
                                    check=False).returncode
            tar.stdout.read()
        if status != 0 or tar.returncode != 0 or os.path.getsize(image + ".new") == 0:
            raise KernelError(f"{archive_file}: holds no kernel image")
        os.rename(image + ".new", image)
        os.unlink(archive_file)
        return image


def is_newer(version, other):
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other], check=False).returncode == 0
