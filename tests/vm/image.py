"""The guests' root: an initramfs of files of this machine, with the kernel tier's programs and what they start.

It is not compressed, since unpacking under emulation takes longer than reading.
"""

import os
import re
import shutil
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# The programs that tests start, and those that a person needs in a guest. Only the guest's init uses busybox.
PROGRAMS = (
    "/bin/sh /bin/bash /bin/true /bin/false /bin/cat /bin/echo /bin/sleep /bin/ls /bin/cp /bin/mv /bin/ln /bin/rm"
    " /bin/mkdir /bin/touch /usr/bin/head /usr/bin/env /usr/bin/id /bin/kill /usr/bin/setsid /usr/bin/unshare"
    " /usr/bin/nsenter /usr/bin/setpriv /bin/mount /bin/umount /usr/bin/flock /bin/su /bin/ip /usr/bin/ssh"
    " /usr/bin/ssh-keygen /usr/bin/ssh-agent /usr/bin/ssh-add /usr/sbin/sshd /usr/sbin/dropbear"
    " /usr/bin/dropbearkey /usr/sbin/tinysshd /usr/sbin/tinysshd-makekey /usr/bin/busybox /sbin/ldconfig"
).split()
DIRECTORIES = ("dev", "proc", "sys", "run/sshd", "run/lock", "tmp", "root", "var/log", "var/run", "var/empty", "home",
           "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "vm", "vm/bin", "mnt", "opt", "srv")
MERGED = ("bin", "sbin", "lib", "lib64")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nshadow:x:42:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nnobody:*:19000:0:99999:7:::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "guest\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/environment": "",
    "etc/default/locale": "",
}
PAM_MODULES = "/lib/x86_64-linux-gnu/security"


class RootDirectory:
    """A directory that becomes a guest's root."""

    def __init__(self, path):
        self.path = path
        shutil.rmtree(path, ignore_errors=True)
        for directory in DIRECTORIES:
            os.makedirs(os.path.join(path, directory))
        for name in MERGED:
            os.symlink(f"usr/{name}", os.path.join(path, name))
        os.chmod(os.path.join(path, "tmp"), 0o1777)
        for name, text in FILES.items():
            os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
            with open(os.path.join(path, name), "w", encoding="ascii") as file:
                file.write(text)
        os.chmod(os.path.join(path, "etc/shadow"), 0o600)
        os.mknod(os.path.join(path, "dev/console"), 0o600 | stat.S_IFCHR, os.makedev(5, 1))

    def add(self, source, strip=False):
        """Adds a file of this machine under its own path, with the libraries that it loads. Adds a symbolic link as a
        link, and its target."""
        inside = os.path.realpath(os.path.dirname(source)) + "/" + os.path.basename(source)
        target = self.path + inside
        if os.path.lexists(target):
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(inside):
            os.symlink(os.readlink(inside), target)
            self.add(os.path.join(os.path.dirname(inside), os.readlink(inside)), strip)
            return
        if strip:
            subprocess.run(["strip", "--strip-debug", "-o", target, inside], check=True)
        else:
            shutil.copy2(inside, target)
        shutil.copystat(inside, target)
        owner = os.stat(inside)
        os.chown(target, owner.st_uid, owner.st_gid)
        os.chmod(target, stat.S_IMODE(owner.st_mode))  # After chown, which clears set-user-ID.
        for library in libraries_of(inside):
            self.add(library)

    def add_pam(self):
        """Adds this machine's PAM configuration, and those of its modules that are installed."""
        shutil.copytree("/etc/pam.d", os.path.join(self.path, "etc/pam.d"))
        shutil.copytree("/etc/security", os.path.join(self.path, "etc/security"))
        self.add("/etc/login.defs")
        modules = set()
        for name in os.listdir("/etc/pam.d"):
            with open(os.path.join("/etc/pam.d", name), encoding="utf-8") as file:
                modules.update(re.findall(r"\bpam_\w+\.so", file.read()))
        for name in sorted(modules):
            if os.path.exists(f"{PAM_MODULES}/{name}"):
                self.add(f"{PAM_MODULES}/{name}")
        self.add("/usr/sbin/unix_chkpwd")

    def set_init(self, source):
        """Sets the guest's first process, and adds the script that it sources."""
        for file, target in ((source, "init"), (os.path.join(HERE, "guest_mounts"), "vm/mounts")):
            shutil.copy(file, os.path.join(self.path, target))
        os.chmod(os.path.join(self.path, "init"), 0o755)

    def pack(self, archive):
        names = subprocess.run(["find", ".", "-print0"], cwd=self.path, capture_output=True, check=True).stdout
        with open(archive, "wb") as file:
            subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc"], cwd=self.path, input=names, stdout=file,
                           check=True)


def libraries_of(program):
    """The libraries that the dynamic loader maps; none for a static program."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r"(?:=> |^\t)(/\S+)", listed, re.MULTILINE)))


def build(directory, programs, plan):
    """Makes directory/root.cpio with the test programs and the plan that the guest's init runs. Returns its path."""
    root = RootDirectory(os.path.join(directory, "root"))
    for program in PROGRAMS:
        if os.path.exists(program):
            root.add(program)
    root.add_pam()
    for program in programs:
        root.add(program, strip=True)
    root.set_init(os.path.join(HERE, "guest_init"))
    with open(os.path.join(root.path, "vm/plan"), "w", encoding="utf-8") as file:
        file.write(plan)
    archive = os.path.join(directory, "root.cpio")
    root.pack(archive)
    return archive
