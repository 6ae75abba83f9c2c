"""The container runtimes' default seccomp profile, as it comes out for a container with given capabilities.

What Kubernetes calls RuntimeDefault: the list that Docker, containerd and podman share the shape of, from Debian's
golang-github-containers-common. A rule may hold only for some architectures, capabilities or kernel versions.
"""

import json
import os

PROFILE = "/usr/share/containers/seccomp.json"


def runtime_default(capabilities):
    """The profile as the OCI runtime specification wants it. `capabilities`: ["CAP_BPF", …]."""
    if not os.path.exists(PROFILE):
        raise FileNotFoundError(f"{PROFILE} is missing: apt-get install golang-github-containers-common")
    with open(PROFILE, encoding="utf-8") as file:
        profile = json.load(file)
    rules = []
    for rule in profile["syscalls"]:
        if not _holds(rule, set(capabilities)):
            continue
        names = rule.get("names") or [rule["name"]]
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
