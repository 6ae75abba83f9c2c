"""Host rules that do not fire in the story."""

import shlex

import bench
import daemon
import lab_test_case
from logins import RootLogin

# Copies a program to memory and runs the copy.
FROM_MEMORY = """
import os
fd = os.memfd_create("x")
with open("/bin/true", "rb") as program:
    os.write(fd, program.read())
os.execv(f"/proc/self/fd/{fd}", ["kworker/u8:1"])
"""


class Fileless(lab_test_case.LabTestCase):
    """root is logged in to db."""

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(bench.Bench(lab_test_case.binaries, cls.directory()))
        cls.login = RootLogin(cls.bench.fleet)
        cls.addClassCleanup(cls.login.leave)
        cls.session = daemon.wait(cls.session_of_login, "root's session on db")

    @classmethod
    def session_of_login(cls):
        return next((each["name"] for each in cls.bench.api.sessions()
                     if each["audit_session"] == cls.login.audit_session and each["logged_in"]), None)

    def test_program_from_memory_and_deleted_program_fire_once_each(self):
        """Each is one detection of that session; a program that is started from its file is none."""
        self.login.shell.run("/bin/true; cp /bin/true /tmp/kept && /tmp/kept && rm /tmp/kept")
        for _ in range(2):
            self.login.shell.run(f"/usr/bin/python3 -c {shlex.quote(FROM_MEMORY)}")
        # The file is opened before it is deleted, and started afterwards.
        self.login.shell.run("cp /bin/true /tmp/gone && exec 9</tmp/gone && rm /tmp/gone && /proc/self/fd/9; exec 9<&-")

        def found():
            all_of_them = [each for each in self.bench.api.detections() if each["rule"] == "fileless"]
            return all_of_them if len(all_of_them) > 1 else None

        detections = daemon.wait(found, "two detections", 20.0)
        self.assertEqual([each["session"] for each in detections], [self.session] * 2)
        self.assertEqual({each["severity"] for each in detections}, {"HIGH"}, "the session was reached by a hop")
        self.assertEqual(len({each["name"] for each in detections}), 2)
