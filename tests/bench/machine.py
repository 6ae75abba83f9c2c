"""The measured machine: its properties, and temporary changes of its settings, which are always undone."""

import contextlib
import ctypes
import os
import platform
import re
import signal
import struct
import sys

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_ENABLE_STATS = 32


def facts():
    def first(path, pattern):
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.M)
        return found[1].strip() if found else ""
    return {"kernel": platform.release(), "architecture": platform.machine(),
            "cpu_model": first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"), "cpus": os.cpu_count(),
            "memory_mib": int(first("/proc/meminfo", r"^MemTotal:\s+(\d+)")) // 1024,
            "hypervisor": "hypervisor" in first("/proc/cpuinfo", r"^flags\s*:\s*(.*)$").split(),
            "system": first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')}


def available_mib():
    with open("/proc/meminfo", encoding="utf-8") as file:
        return int(re.search(r"^MemAvailable:\s+(\d+)", file.read(), re.M)[1]) // 1024


def load_average():
    return round(os.getloadavg()[0], 2)


def unwind_on_signals():
    """Turns the first signal into an exception, so that changed settings are restored. Ignores further signals."""
    def unwind(number, _):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)


@contextlib.contextmanager
def setting(path, least):
    """Within the context the kernel setting at `path` is at least `least`."""
    with open(path, encoding="ascii") as file:
        before = file.read().strip()
    if int(before) >= least:
        yield
        return
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(least))
        yield
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(before)


@contextlib.contextmanager
def bpf_statistics():
    """Within the context the kernel counts run times of BPF programs. This is the same switch as
    kernel.bpf_stats_enabled, but a descriptor holds it: the kernel switches it off even if this process is killed."""
    number = BPF_SYSCALL.get(platform.machine())
    if number is None:
        raise RuntimeError(f"the number of bpf(2) on {platform.machine()} is not known here")
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = ctypes.create_string_buffer(struct.pack("I", 0), 16)  # BPF_STATS_RUN_TIME
    descriptor = libc.syscall(number, BPF_ENABLE_STATS, attributes, len(attributes))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "bpf(BPF_ENABLE_STATS)")
    try:
        yield
    finally:
        os.close(descriptor)
