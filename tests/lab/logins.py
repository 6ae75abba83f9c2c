"""Logins that tests keep open: a shell over real ssh, driven command by command."""

import subprocess

import intruder
import shell


class Login:
    """An ssh login to db with a key that the user of another host has."""

    def __init__(self, fleet, source, uid, key, account):
        self._client = fleet[source].popen(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--reset-env", "sh", "-c",
             f"{intruder.SSH} -i ~/.ssh/{key} {account}@db bash -s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.shell = shell.of_process(self._client)
        self.audit_session = int(self.shell.run("cat /proc/$$/sessionid"))

    def leave(self):
        self.shell.end()
        self._client.stdin.close()
        self._client.stdout.close()
        self._client.wait(10)


class RootLogin(Login):
    """root on db, from web with a key found there."""

    def __init__(self, fleet):
        super().__init__(fleet, "web", 2002, "id_db", "root")


class AdminLogin(Login):
    """The administrator on db, from her own machine."""

    def __init__(self, fleet):
        super().__init__(fleet, "admin", 2003, "id_db", "admin")
