"""A container of a Kubernetes manifest, run by runc with exactly the grants of the manifest.

Capabilities, user, namespaces, mounts and flags are read from the YAML and not repeated here. Two things differ from a
node: the node's directories are under a scratch directory (except /sys, which is the machine's), and the pod network is
the machine's, because there is no cluster.
"""

import json
import os
import shutil
import subprocess
import time

import yaml

import containers
import seccomp

# Container runtimes set these for every container that is not privileged.
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def load(path, kind):
    """The only document of that kind in the file."""
    with open(path, encoding="utf-8") as file:
        found = [document for document in yaml.safe_load_all(file) if document["kind"] == kind]
    if len(found) != 1:
        raise containers.ImageError(f"{path} has {len(found)} documents of kind {kind}")
    return found[0]


class Node:
    """The directories, config maps and secrets that a node and its cluster provide to pods."""

    def __init__(self, directory):
        self.directory = directory
        self.config_maps = {}  # name → {key: text}
        self.secrets = {}  # name → {key: text}

    def path(self, path):
        """The path on this machine of the node's `path`."""
        return path if path.startswith("/sys/") else os.path.join(self.directory, path.lstrip("/"))


class Pod:
    """One container of one pod. Call close() last; start() and stop() may be called in any order."""

    def __init__(self, name, workload, image_root, image_configuration, node, log_path, hosts):
        self.name = name
        self.log_path = log_path
        self._template = workload["spec"]["template"]["spec"]
        self._claims = [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]
        (self._container,) = self._template["containers"]
        self._node = node
        self._image = image_configuration
        self._bundle = os.path.join(node.directory, "bundles", name)
        self._state = os.path.join(node.directory, "runc")
        self._process = None
        os.makedirs(self._bundle)
        if os.path.exists(log_path):
            os.unlink(log_path)
        self._hosts = os.path.join(self._bundle, "hosts")  # the cluster's DNS, and the kubelet's file
        with open(self._hosts, "w", encoding="utf-8") as file:
            file.write(hosts)
        with open(os.path.join(self._bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self._specification(image_root), file, indent=1)

    @property
    def security(self):
        """The container's security context, merged with the pod's."""
        return {**self._template.get("securityContext", {}), **self._container["securityContext"]}

    @property
    def capabilities(self):
        listed = self.security["capabilities"]
        if listed.get("drop") != ["ALL"]:
            raise containers.ImageError(f"{self.name}: the manifest does not drop ALL capabilities first")
        return ["CAP_" + name for name in listed.get("add", [])]

    def start(self):
        with open(self.log_path, "ab") as log:
            command = ["runc", "--root", self._state, "run", "--bundle", self._bundle, self.name]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def hopeless(self):
        """The reason why waiting is useless, or None."""
        if self._process and self._process.poll() is not None:
            tail = "\n".join(self.log().splitlines()[-12:])
            return f"{self.name} ended with {self._process.returncode}:\n{tail}"
        return None

    def pids(self):
        """The pids of the container's processes in the machine's pid namespace."""
        return json.loads(containers.run(["runc", "--root", self._state, "ps", "--format", "json", self.name]) or "[]")

    def first_pid(self):
        return json.loads(containers.run(["runc", "--root", self._state, "state", self.name]))["pid"]

    def stop(self, patience):
        """Sends SIGTERM, as the kubelet does; returns the exit status."""
        containers.run(["runc", "--root", self._state, "kill", self.name, "TERM"])
        return self._process.wait(patience)

    def probe(self, kind):
        """Runs the manifest's startupProbe, readinessProbe or livenessProbe as the kubelet does. Returns "" if it
        succeeds, else its output."""
        probe = self._container[kind]
        try:
            done = subprocess.run(["runc", "--root", self._state, "exec", self.name, *probe["exec"]["command"]],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False, timeout=probe["timeoutSeconds"])
        except subprocess.TimeoutExpired:
            return f"no answer within {probe['timeoutSeconds']} s"
        return done.stdout.strip() or f"exit {done.returncode}" if done.returncode else ""

    def close(self):
        if not self._process:
            return
        subprocess.run(["runc", "--root", self._state, "delete", "--force", self.name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _specification(self, image_root):
        security = self.security
        if security.get("privileged") is not False:
            raise containers.ImageError(f"{self.name}: the manifest does not say privileged: false")
        environment = self._image.get("Env") or ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        namespaces = ["mount", "ipc"]
        if not self._template.get("hostPID"):
            namespaces.append("pid")
        if not self._template.get("hostNetwork"):
            namespaces.append("uts")  # a cluster would add network
        specification = {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False, "cwd": self._image.get("WorkingDir") or "/", "env": environment,
                "args": self._image["Entrypoint"] + self._container.get("args", self._image.get("Cmd") or []),
                "user": {"uid": security["runAsUser"], "gid": security.get("runAsGroup", 0)},
                "noNewPrivileges": not security["allowPrivilegeEscalation"],
                "capabilities": {kind: self.capabilities for kind in ("bounding", "effective", "permitted")},
            },
            "root": {"path": image_root, "readonly": security["readOnlyRootFilesystem"]},
            "mounts": self._standard_mounts() + self._volume_mounts(),
            "linux": {"namespaces": [{"type": kind} for kind in namespaces], "maskedPaths": MASKED,
                      "readonlyPaths": READ_ONLY},
        }
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            raise containers.ImageError(f"{self.name}: the manifest does not ask for the default seccomp profile")
        specification["linux"]["seccomp"] = seccomp.runtime_default(self.capabilities)
        return specification

    def _standard_mounts(self):
        return [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/etc/hosts", "type": "bind", "source": self._hosts, "options": ["rbind", "rprivate"]},
        ]

    def _volume_mounts(self):
        volumes = {volume["name"]: volume for volume in self._template.get("volumes", [])}
        mounts = []
        for mount in self._container["volumeMounts"]:
            options = ["rbind", "rprivate", "ro" if mount.get("readOnly") else "rw"]
            if mount["name"] in self._claims:
                source = self._owned_directory("claim-" + mount["name"])
            else:
                volume = volumes[mount["name"]]
                if "emptyDir" in volume:
                    mounts.append({"destination": mount["mountPath"], "type": "tmpfs", "source": "tmpfs",
                                   "options": ["nosuid", "nodev", "mode=2777"]})
                    continue
                source = self._source(volume)
            if mount.get("subPath"):
                source = os.path.join(source, mount["subPath"])
            mounts.append({"destination": mount["mountPath"], "type": "bind", "source": source, "options": options})
        return mounts

    def _source(self, volume):
        if "hostPath" in volume:
            path, kind = self._node.path(volume["hostPath"]["path"]), volume["hostPath"]["type"]
            if kind == "DirectoryOrCreate":
                os.makedirs(path, exist_ok=True)
            if not (os.path.isfile(path) if kind == "File" else os.path.isdir(path)):
                raise containers.ImageError(f"{self.name}: the node has no {kind} {volume['hostPath']['path']}")
            return path
        if "configMap" in volume:
            return self._files(volume["name"], self._node.config_maps[volume["configMap"]["name"]], 0o644)
        secret = volume["secret"]
        if secret["secretName"] not in self._node.secrets and not secret.get("optional"):
            raise containers.ImageError(f"{self.name}: there is no Secret {secret['secretName']}")
        return self._files(volume["name"], self._node.secrets.get(secret["secretName"], {}), secret["defaultMode"])

    def _files(self, name, content, mode):
        directory = self._owned_directory("volume-" + name)
        for key, text in content.items():
            path = os.path.join(directory, key)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)
            os.chown(path, 0, self.security.get("fsGroup", 0))
        return directory

    def _owned_directory(self, name):
        """A volume with the owner that the kubelet gives it: root, and the group fsGroup if that is set."""
        directory = os.path.join(self._bundle, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        os.chmod(directory, 0o2775 if "fsGroup" in self.security else 0o755)
        os.chown(directory, 0, self.security.get("fsGroup", 0))
        return directory


def wait(condition, what, timeout, hopeless=lambda: None):
    """Waits until condition() is true and returns its value. hopeless() may return the reason why waiting is
    useless."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        reason = hopeless()
        if reason:
            raise containers.ImageError(f"waited for {what}: {reason}")
        if time.monotonic() > deadline:
            raise containers.ImageError(f"waited {timeout} s for {what}")
        time.sleep(0.2)
