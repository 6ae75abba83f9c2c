"""The container runtimes' default seccomp profile for a container with given capabilities.

Kubernetes calls it RuntimeDefault. The list comes from Debian's golang-github-containers-common; Docker, containerd and
podman use the same format. A rule may apply only to some architectures, capabilities or kernel versions.

Debian 12's list is older than the runtimes on nodes: since 2022 (moby pull request 43987, containerd pull request 7301)
the capabilities that Linux 5.8 split off from SYS_ADMIN allow the system calls that need them.
"""

import json
import os

PROFILE = "/usr/share/containers/seccomp.json"
SPLIT_OFF = {"bpf": "CAP_BPF", "perf_event_open": "CAP_PERFMON"}


def runtime_default(capabilities):
    """The profile in the form of the OCI runtime specification. `capabilities`: ["CAP_BPF", …]."""
    if not os.path.exists(PROFILE):
        raise FileNotFoundError(f"{PROFILE} is missing: apt-get install golang-github-containers-common")
    with open(PROFILE, encoding="utf-8") as file:
        profile = json.load(file)
    opened = sorted(name for name, capability in SPLIT_OFF.items() if capability in capabilities)
    rules = [{"names": opened, "action": "SCMP_ACT_ALLOW"}] if opened else []
    for rule in profile["syscalls"]:
        names = [name for name in rule["names"] if name not in opened]
        if not names or not _holds(rule, set(capabilities)):
            continue
        out = {"names": names, "action": rule["action"]}
        if rule.get("args"):
            out["args"] = [{key: argument[key] for key in ("index", "value", "valueTwo", "op") if key in argument}
                           for argument in rule["args"]]
        if rule.get("errnoRet") is not None:
            out["errnoRet"] = rule["errnoRet"]
        rules.append(out)
    out = {"defaultAction": profile["defaultAction"], "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
           "syscalls": rules}
    if profile.get("defaultErrnoRet") is not None:
        out["defaultErrnoRet"] = profile["defaultErrnoRet"]
    return out


def _holds(rule, capabilities):
    includes = rule.get("includes") or {}
    excludes = rule.get("excludes") or {}
    if not capabilities.issuperset(includes.get("caps") or []):
        return False
    if capabilities.intersection(excludes.get("caps") or []):
        return False
    if includes.get("arches") and "amd64" not in includes["arches"]:
        return False
    if "amd64" in (excludes.get("arches") or []):
        return False
    return _kernel() >= _version(includes.get("minKernel") or "0.0")


def _kernel():
    return _version(os.uname().release)


def _version(text):
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in text.split(".")[:2])
