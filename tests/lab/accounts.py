"""The files in which one host's /etc differs from another's: its identity, its accounts and its sshd's settings.

These files are the upper layer of an overlay on this machine's /etc, so PAM, NSS and the shells are the distribution's
own.
"""

import crypt
import dataclasses
import os

SSHD_CONFIG = """\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
MaxAuthTries 6
MaxStartups 10:30:100
LogLevel INFO
PrintMotd no
UseDNS no
PidFile /run/sshd.pid
Subsystem sftp /usr/lib/openssh/sftp-server
"""


@dataclasses.dataclass
class User:
    name: str
    uid: int
    home: str
    password: str = None  # None: no password opens this account
    authorized_keys: list = dataclasses.field(default_factory=list)  # public key lines


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def write_identity(etc, hostname, machine_id, addresses):
    """`addresses` is the lab's name table: every host knows every name, as in a fleet with one DNS."""
    write(f"{etc}/machine-id", machine_id + "\n", 0o444)
    write(f"{etc}/hostname", hostname + "\n")
    lines = ["127.0.0.1 localhost", "::1 localhost", f"127.0.1.1 {hostname}"]
    lines += [f"{address} {name}" for address, name in addresses]
    write(f"{etc}/hosts", "\n".join(lines) + "\n")


def write_users(etc, homes, users):
    """Adds real accounts. `homes` maps "/home" and "/root" to where the host keeps them on this machine."""
    passwd = _without("/etc/passwd", {user.name for user in users}, column=0)
    shadow = _without("/etc/shadow", {user.name for user in users}, column=0)
    groups = _without("/etc/group", {str(user.uid) for user in users if user.uid}, column=2)
    for user in users:
        group = f"users-{user.name}" if user.uid else "root"
        passwd.append(f"{user.name}:x:{user.uid}:{user.uid}:{user.name}:{user.home}:/bin/bash")
        hashed = crypt.crypt(user.password, crypt.mksalt(crypt.METHOD_SHA512)) if user.password else "*"
        shadow.append(f"{user.name}:{hashed}:19700:0:99999:7:::")
        if user.uid:
            groups.append(f"{group}:x:{user.uid}:")
        _make_home(homes, user)
    write(f"{etc}/passwd", "\n".join(passwd) + "\n")
    write(f"{etc}/group", "\n".join(groups) + "\n")
    write(f"{etc}/shadow", "\n".join(shadow) + "\n", 0o640)
    os.chown(f"{etc}/shadow", 0, os.stat("/etc/shadow").st_gid)  # PAM's helper reads it as a member of the group


def _without(path, taken, column):
    """The file's lines without those that have one of `taken` in the column."""
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines() if line and line.split(":")[column] not in taken]


def _make_home(homes, user):
    home = homes["/root"] if user.home == "/root" else homes["/home"] + user.home[len("/home"):]
    os.makedirs(f"{home}/.ssh", exist_ok=True)
    write(f"{home}/.ssh/authorized_keys", "".join(key + "\n" for key in user.authorized_keys), 0o600)
    own(home, user.uid)
    os.chmod(home, 0o700)
    os.chmod(f"{home}/.ssh", 0o700)


def own(top, uid):
    for directory, names, files in os.walk(top):
        for path in [directory] + [os.path.join(directory, name) for name in names + files]:
            os.chown(path, uid, uid, follow_symlinks=False)
