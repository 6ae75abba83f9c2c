"""The lab's fleet: its hosts and the links between them.

    outside ── gw ── router ── web ── db ── vault        (db to vault speaks IPv6 only)
                                      │
                              admin ──┘                  mgmt: the collector's host; a link to each agent's host

`outside` and `admin` have no agent: people log in from there. The router translates in both directions: gw knows only
the router's address, and web sees only the router's.
"""

import contextlib
import dataclasses
import os
import secrets
import shutil
import tempfile

import accounts
import hosts
import leftovers
import namespaces

AGENT_HOSTS = ("gw", "web", "db", "vault")
ROUTER_OUTER = "10.71.1.1"  # what gw connects to
ROUTER_INNER = "10.71.2.1"  # what web sees
COLLECTOR_ADDRESS = "10.71.9.1"
# The collector's certificate contains these too; no interface has them unless a test adds them.
COLLECTOR_ADDRESS_6 = "fd71:9::1"
COLLECTOR_LINK_LOCAL = "fe80::71:9"
COLLECTOR_PORT = 7443


@dataclasses.dataclass
class Wire:
    """A pair of veth devices between two namespaces, each end with its address."""
    left: str
    left_address: str
    right: str
    right_address: str


WIRES = (
    Wire("outside", "198.51.100.7/24", "gw", "198.51.100.20/24"),
    Wire("gw", "10.71.1.10/24", "router", f"{ROUTER_OUTER}/24"),
    Wire("router", f"{ROUTER_INNER}/24", "web", "10.71.2.10/24"),
    Wire("web", "10.71.3.10/24", "db", "10.71.3.20/24"),
    Wire("admin", "203.0.113.5/24", "db", "203.0.113.20/24"),
    Wire("db", "fd71:4::20/64", "vault", "fd71:4::30/64"),
)
MANAGEMENT = {"gw": "10.71.9.11", "web": "10.71.9.12", "db": "10.71.9.13", "vault": "10.71.9.14"}

TRANSLATION = f"""
table ip translation {{
  chain before {{ type nat hook prerouting priority dstnat;
    ip daddr {ROUTER_OUTER} tcp dport 22 dnat to 10.71.2.10:22; }}
  chain after {{ type nat hook postrouting priority srcnat;
    ip daddr 10.71.2.10 tcp dport 22 masquerade; }}
}}
"""


@dataclasses.dataclass
class KeyPair:
    """An ssh key pair. `fingerprint` comes from ssh-keygen; the product's fingerprint is compared with it."""
    private: str
    public: str
    fingerprint: str

    def give_to(self, host, user, name):
        """Copies the private key into a user's ~/.ssh."""
        target = f"{host.home(user)}/.ssh/{name}"
        shutil.copy(self.private, target)
        uid = host.user(user).uid
        os.chown(target, uid, uid)
        os.chmod(target, 0o600)


class Fleet:
    """Builds everything on entry, removes everything on exit. At most one in a process.

    `directory` keeps the hosts' files and stays; without it a scratch directory is made and removed.
    """

    def __init__(self, directory=None, binaries=None):
        self._keep = directory is not None
        self._requested = directory
        self._binaries = binaries
        self.directory = None
        self.hosts = {}
        self.keys = {}
        self.staff_password = None

    def __enter__(self):
        self.swept = leftovers.sweep()
        self.directory = self._requested or tempfile.mkdtemp(prefix="hoptrail-lab-", dir="/var/tmp")
        os.makedirs(self.directory, exist_ok=True)
        self._owner = leftovers.Ownership(None if self._keep else self.directory)
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for host in self.hosts.values():
            with contextlib.suppress(Exception):  # an error of one host must not leave the others running
                host.stop()
        leftovers.remove_namespaces(self._owner.prefix)
        if not self._keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._owner.release()

    def __getitem__(self, name):
        return self.hosts[name]

    def namespace(self, name):
        return self._owner.prefix + name

    def _build(self):
        for name in ("outside", "gw", "router", "web", "db", "vault", "admin", "mgmt"):
            namespaces.add(self.namespace(name))
        for wire in WIRES:
            self._connect(wire)
        self._connect_management()
        namespaces.write_sysctl(self.namespace("router"), "net.ipv4.ip_forward", 1)
        namespaces.inside(self.namespace("router"), ["nft", "-f", "-"], stdin=None, input=TRANSLATION)
        self._make_keys()
        users = self._users()
        for name in ("outside", "admin", *AGENT_HOSTS):
            host = hosts.Host(name, self._owner.prefix, os.path.join(self.directory, name))
            shutil.rmtree(host.directory, ignore_errors=True)
            self.hosts[name] = host
            host.build(self._names_as_seen_from(name), users[name])
        self._hand_out_keys()
        for host in self.hosts.values():
            host.start(self._binaries if host.name in AGENT_HOSTS else None)
        for name in AGENT_HOSTS:
            self.hosts[name].start_sshd()

    def _connect(self, wire):
        left, right = self.namespace(wire.left), self.namespace(wire.right)
        namespaces.run(["ip", "-n", left, "link", "add", f"to-{wire.right}", "type", "veth",
                        "peer", "name", f"to-{wire.left}", "netns", right])
        for namespace, link, address in ((left, f"to-{wire.right}", wire.left_address),
                                         (right, f"to-{wire.left}", wire.right_address)):
            if address:
                extra = ["nodad"] if ":" in address else []
                namespaces.run(["ip", "-n", namespace, "address", "add", address, "dev", link, *extra])
            namespaces.run(["ip", "-n", namespace, "link", "set", link, "up"])

    def _connect_management(self):
        mgmt = self.namespace("mgmt")
        namespaces.run(["ip", "-n", mgmt, "link", "add", "bridge", "type", "bridge"])
        namespaces.run(["ip", "-n", mgmt, "address", "add", f"{COLLECTOR_ADDRESS}/24", "dev", "bridge"])
        namespaces.run(["ip", "-n", mgmt, "link", "set", "bridge", "up"])
        for name, address in MANAGEMENT.items():
            self._connect(Wire("mgmt", "", name, f"{address}/24"))
            namespaces.run(["ip", "-n", mgmt, "link", "set", f"to-{name}", "master", "bridge"])

    def _make_keys(self):
        """Makes one key for each step, used for that step only, so that a fingerprint identifies the step."""
        directory = os.path.join(self.directory, "keys")
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory, mode=0o700)
        for name in ("gw-to-web", "web-to-db", "db-to-vault", "admin-to-db"):
            private = os.path.join(directory, name)
            namespaces.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", private])
            with open(private + ".pub", encoding="utf-8") as file:
                public = file.read().strip()
            listed = namespaces.run(["ssh-keygen", "-lf", private + ".pub"]).stdout
            self.keys[name] = KeyPair(private, public, listed.split()[1])

    def _users(self):
        self.staff_password = "correct-" + secrets.token_hex(6)

        def staff(password=None):
            return accounts.User("staff", 2001, "/home/staff", password)

        def deploy(*keys):
            return accounts.User("deploy", 2002, "/home/deploy", None, list(keys))

        def root(*keys):
            return accounts.User("root", 0, "/root", None, list(keys))

        def admin(*keys):
            return accounts.User("admin", 2003, "/home/admin", None, list(keys))

        key = {name: pair.public for name, pair in self.keys.items()}
        return {
            "outside": [root()],
            "admin": [root(), admin()],
            "gw": [root(), staff(self.staff_password)],
            "web": [root(), deploy(key["gw-to-web"])],
            "db": [root(key["web-to-db"]), admin(key["admin-to-db"])],
            "vault": [root(key["db-to-vault"])],
        }

    def _hand_out_keys(self):
        """Puts private keys where their owners' automation would keep them, and every host's public key on all
        hosts."""
        for key, host, user, name in (("gw-to-web", "gw", "staff", "id_web"), ("web-to-db", "web", "deploy", "id_db"),
                                      ("db-to-vault", "db", "root", "id_vault"),
                                      ("admin-to-db", "admin", "admin", "id_db")):
            self.keys[key].give_to(self.hosts[host], user, name)
        for host in self.hosts.values():
            known = "".join(f"{address},{name} {self.hosts[name].host_key}\n"
                            for address, name in self._names_as_seen_from(host.name))
            accounts.write(host.path("/etc/ssh/ssh_known_hosts"), known)

    def _names_as_seen_from(self, host):
        """(address, name) of each host that this one can reach, with the address that it must use."""
        seen = [(ROUTER_OUTER, "web")] if host == "gw" else []
        for wire in WIRES:
            for near, far, address in ((wire.left, wire.right, wire.right_address),
                                       (wire.right, wire.left, wire.left_address)):
                if near == host and far != "router":
                    seen.append((address.split("/")[0], far))
        return seen
