"""A host's own /etc: who it is, who may log in, and how its sshd is set.

The copy starts from this machine's /etc, so PAM, NSS and the shells are the distribution's own; only what makes hosts
differ is written anew.
"""

import crypt
import dataclasses
import os
import shutil

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


def copy_etc(target):
    shutil.copytree("/etc", target, symlinks=True, ignore_dangling_symlinks=True)
    # copytree keeps modes but not owners; /etc/shadow's group is what lets PAM's helper read it.
    for directory, _, files in os.walk("/etc"):
        for name in [""] + files:
            source = os.path.join(directory, name) if name else directory
            status = os.lstat(source)
            if status.st_uid or status.st_gid:
                os.chown(target + source[len("/etc"):], status.st_uid, status.st_gid, follow_symlinks=False)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def write_identity(etc, hostname, machine_id, addresses):
    """`addresses` is the lab's name table: every host knows every name, as in a fleet with one DNS."""
    for name in ("machine-id", "hostname", "hosts"):
        if os.path.lexists(f"{etc}/{name}"):
            os.unlink(f"{etc}/{name}")
    write(f"{etc}/machine-id", machine_id + "\n", 0o444)
    write(f"{etc}/hostname", hostname + "\n")
    lines = ["127.0.0.1 localhost", "::1 localhost", f"127.0.1.1 {hostname}"]
    lines += [f"{address} {name}" for address, name in addresses]
    write(f"{etc}/hosts", "\n".join(lines) + "\n")


def write_users(etc, homes, users):
    """Adds real accounts. `homes` maps "/home" and "/root" to where the host keeps them on this machine."""
    passwd = _without(f"{etc}/passwd", users)
    shadow = _without(f"{etc}/shadow", users)
    groups = _without(f"{etc}/group", [user for user in users if user.uid != 0], by_id=True)
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
    _rewrite(f"{etc}/shadow", "\n".join(shadow) + "\n")


def _without(path, users, by_id=False):
    """The file's lines but those of the given users (or, for groups, of the ids that they take)."""
    taken = {str(user.uid) if by_id else user.name for user in users}
    column = 2 if by_id else 0
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines() if line and line.split(":")[column] not in taken]


def _rewrite(path, text):
    """Keeps the owner, group and mode of the file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


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
