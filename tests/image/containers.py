"""Images without a registry and without a daemon: debootstrap makes the base, buildah the images.

Everything is in one work directory, which may be kept: later runs use the base and the layers below the programs again.
"""

import json
import os
import shutil
import subprocess
import time

BASE = "docker.io/library/debian:bookworm-slim"
BASE_DAYS = 7  # older bases are made again, because the mirror may no longer have their packages
MIRROR = "http://deb.debian.org/debian"


class ImageError(Exception):
    """A tool failed; the message contains the end of its output."""


def run(command, timeout=1200, **options):
    """Runs a tool to its end and returns what it wrote to standard output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, check=False, **options)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ImageError(f"{' '.join(command[:4])} … ended with {done.returncode}:\n{tail}")
    return done.stdout


class Images:
    """A private image store under `work`."""

    def __init__(self, work):
        self._work = os.path.abspath(work)
        self._temporary = os.path.join(self._work, "tmp")
        os.makedirs(self._temporary, exist_ok=True)
        self._mounted = []
        self._forget_containers()  # of a run that was killed

    def buildah(self, *arguments, **options):
        return run(["buildah", "--root", os.path.join(self._work, "storage"), "--runroot",
                    os.path.join(self._work, "run"), *arguments],
                   env={**os.environ, "TMPDIR": self._temporary, "BUILDAH_ISOLATION": "chroot"}, **options)

    def ensure_base(self):
        """Makes Debian 12's smallest system, with the image name that the Dockerfile uses."""
        stamp = os.path.join(self._work, "base-made")
        if os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < BASE_DAYS * 86400:
            try:
                self.buildah("inspect", "--type", "image", BASE)
                return
            except ImageError:
                pass
        root = os.path.join(self._temporary, "base")
        shutil.rmtree(root, ignore_errors=True)
        # In a mount namespace of its own, so that debootstrap's mounts vanish with it, however it ends.
        run(["unshare", "--mount", "debootstrap", "--variant=minbase", "bookworm", root, MIRROR])
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, root, "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)
        shutil.rmtree(root)
        with open(stamp, "w", encoding="utf-8"):
            pass

    def build(self, source, target, binaries):
        """Builds `target` of the product's Dockerfile, with the programs in `binaries`, or from source if that is None;
        returns the image's name."""
        name = f"localhost/hoptrail-{target}:test"
        built = ["--build-context", f"binaries={binaries}"] if binaries else []
        self.buildah("bud", "--isolation", "chroot", "--pull-never", "--layers", *built,
                     "--file", os.path.join(source, "deploy/image/Dockerfile"), "--target", target, "--tag", name,
                     source, timeout=1200 if binaries else 3600)
        return name

    def configuration(self, name):
        return json.loads(self.buildah("inspect", "--type", "image", name))["OCIv1"]["config"]

    def mount(self, name):
        """The image's files as a directory, until close()."""
        container = self.buildah("from", "--pull-never", name).strip()
        self._mounted.append(container)
        return self.buildah("mount", container).strip()

    def close(self):
        self._forget_containers()

    def _forget_containers(self):
        self.buildah("umount", "--all")
        self.buildah("rm", "--all")
        self._mounted.clear()
