"""The distribution of the agent's CPU time: samples of its stacks by directory, and allocations by thread."""

import os
import re
import struct
import subprocess
import time

import namespaces  # the lab's
import usage

SAMPLES_PER_S = 9_973
# A function's namespace gives its directory; a sample belongs to the directory of its innermost frame that has one.
DIRECTORY = re.compile(r"\bhoptrail::(agent::[a-z]+|[a-z]+|[A-Z]\w*)(?:::|\()")
THREADS = 1024  # of allocations.cc


def directory_of(frames):
    """The directory of one sample. `frames` are its functions from the innermost out."""
    found = next((match[1] for match in map(DIRECTORY.search, frames) if match), None)
    if found is None:
        return "libraries"
    if found == "agent" or found.startswith("agent::"):
        return found.replace("::", "/")
    return "core/base" if found[0].isupper() else f"core/{found}"


def samples(text):
    """Parses `perf script -F comm,ip,sym`; yields (thread, whether in the kernel, frames) of each sample."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if len(lines) < 2:
            continue
        frames = [line.strip().partition(" ") for line in lines[1:]]
        addresses, symbols = zip(*((address, symbol) for address, _, symbol in frames))
        yield lines[0].split()[0], addresses[0].startswith("ffff"), symbols


def by_directory(text):
    """thread → "directory" and "directory, in the kernel" → share of all samples."""
    counts, total = {}, 0
    for thread, in_kernel, frames in samples(text):
        name = directory_of(frames) + (", in the kernel" if in_kernel else "")
        counts[(thread, name)] = counts.get((thread, name), 0) + 1
        total += 1
    shares = {}
    for (thread, name), count in sorted(counts.items(), key=lambda each: -each[1]):
        if count * 200 >= total:
            shares.setdefault(thread, {})[name] = round(count / total, 4)
    return {"samples": total, "share": shares}


def profile(agent, work, scratch):
    """The profile of all of the agent's processes during work()."""
    data = os.path.join(scratch, "perf.data")
    agent.start()
    try:
        with subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_S),
                               "--call-graph", "fp", "-o", data, "-p", ",".join(map(str, agent.pids()))],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as recorder:
            try:
                time.sleep(1)
                work()
            finally:
                recorder.terminate()
                errors = recorder.communicate()[1]
        if not os.path.exists(data):
            raise namespaces.LabError(f"perf recorded nothing: {errors}")
        return by_directory(namespaces.run(["perf", "script", "-F", "comm,ip,sym", "-i", data], timeout=300).stdout)
    finally:
        agent.stop()


def allocation_counts(path):
    with open(path, "rb") as file:
        pairs = struct.iter_unpack("qQ", file.read())
    return {thread: count for thread, count in pairs if thread}


def allocations(agent, work, library, scratch, events_of):
    """Allocations by event and thread during work(). events_of() gives the number of events from the agent's totals."""
    path = os.path.join(scratch, "allocations")
    with open(path, "wb") as file:
        file.truncate(16 * THREADS)
    agent.wrapper = ["env", f"LD_PRELOAD={library}", f"HOPTRAIL_ALLOCATIONS={path}"]
    try:
        agent.start()
        try:
            names = {int(thread): f"{usage.name_of(pid)}/{usage.name_of(pid, thread)}" for pid in agent.pids()
                     for thread in os.listdir(f"/proc/{pid}/task")}
            before = allocation_counts(path)
            work()
            after = allocation_counts(path)
        finally:
            totals = agent.stop()
    finally:
        agent.wrapper = []
    events = events_of(totals)
    found = {names[thread]: round((count - before.get(thread, 0)) / events, 4) for thread, count in after.items()
             if thread in names}
    return {"events": events, "per_event_by_thread": {name: each for name, each in found.items() if each >= 0.001}}
