"""Services and jobs as a service manager starts them: in no login, each in a control group of its own."""

import os
import time

import lab_test_case
import namespaces

UNIFIED = next((path for path in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                if os.path.exists(f"{path}/cgroup.procs")), None)
ENTER = "set -e; echo 4294967295 > /proc/self/loginuid; echo 0 > \"$1/cgroup.procs\"; shift; exec \"$@\""


class UnitTestCase(lab_test_case.LabTestCase):
    """A subclass sets `bench` in its setUpClass, after this one's."""

    @classmethod
    def setUpClass(cls):
        if not UNIFIED:
            raise namespaces.LabError("control groups of version 2 are not mounted")

    def group(self, host, *names):
        """Makes a control group of a host, each name below the one before; removed at the end of the test."""
        top = os.path.join(UNIFIED, self.bench.fleet.namespace(host))
        made = [os.path.join(top, *names[:depth]) for depth in range(len(names) + 1)]
        for path in made:
            os.makedirs(path, exist_ok=True)
        for path in made:
            self.addCleanup(self.remove_group, path)  # in the reverse order
        return made[-1]

    @staticmethod
    def remove_group(path):
        deadline = time.monotonic() + 10
        while os.path.isdir(path):
            try:
                os.rmdir(path)
            except OSError:  # its processes have not ended yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def start(self, host, command, group, **options):
        process = host.popen(["sh", "-c", ENTER, "enter", group, *command], **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process
