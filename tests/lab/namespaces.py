"""Network namespaces by name, and the processes in them.

A lab's hosts share this kernel and its pid namespace, so only its network namespace shows that a process belongs to the
lab. All functions here ask the kernel for it and never match command lines.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
NETNS_DIRECTORY = "/run/netns"
CLEAN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


class LabError(Exception):
    """The lab itself failed, not the product under test; the message says how."""


def run(command, check=True, timeout=60, **options):
    """Runs a command to its end and returns it; a LabError contains the command's error output."""
    done = subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True,
                          timeout=timeout, env=options.pop("env", CLEAN_ENVIRONMENT), **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def path_of(name):
    return os.path.join(NETNS_DIRECTORY, name)


def add(name):
    run(["ip", "netns", "add", name])
    inside(name, ["ip", "link", "set", "lo", "up"])


def remove(name):
    """Ends the processes in the namespace, then removes it with its links and addresses."""
    end_processes(name)
    run(["ip", "netns", "del", name], check=False)


def names():
    try:
        return sorted(os.listdir(NETNS_DIRECTORY))
    except FileNotFoundError:
        return []


def inside(name, command, **options):
    """Runs a command in the network namespace, and in this process's other namespaces."""
    return run(["nsenter", f"--net={path_of(name)}", "--", *command], **options)


def write_sysctl(name, key, value):
    """Sets a sysctl inside the namespace: /proc/sys/net belongs to the network namespace of the writing process."""
    inside(name, ["sh", "-c", f"echo {value} > /proc/sys/{key.replace('.', '/')}"])


def socket_in(name, make):
    """Calls `make` on a thread that has entered the namespace; a socket made there stays there, wherever it is used.

    This lets a server in this process listen in the lab's network without a process of its own.
    """
    result = []

    def enter_and_make():
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = os.open(path_of(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {name}")
            result.append(make())
        except OSError as error:
            result.append(error)
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=enter_and_make)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def listen_in(name, address, port):
    def make():
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(64)
        return listener
    return socket_in(name, make)


def processes(name):
    """Pids of the processes in the namespace."""
    try:
        wanted = os.stat(path_of(name)).st_ino
    except FileNotFoundError:
        return []
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}/ns/net").st_ino == wanted:
                    found.append(int(entry))
            except OSError:
                pass  # it ended meanwhile
    return found


def end_processes(name, patience=5.0):
    """Sends SIGKILL through a pidfd that is opened before the check, so that a reused pid cannot be hit; waits for the
    ends."""
    wanted = os.stat(path_of(name)).st_ino if os.path.exists(path_of(name)) else None
    deadline = time.monotonic() + patience
    while wanted is not None and time.monotonic() < deadline:
        running = [pid for pid in processes(name) if pid != os.getpid()]
        if not running:
            return
        for pid in running:
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                if os.stat(f"/proc/{pid}/ns/net").st_ino == wanted:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            except OSError:
                pass
            finally:
                os.close(descriptor)
        time.sleep(0.02)
