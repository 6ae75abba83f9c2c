"""Certificates for the lab: the product's own script makes them, so that the script is tried as well.

Only what a real authority would never sign (a certificate without any role, an agent's for a made-up host) is made
here. Until the script exists, everything is.
"""

import os

import namespaces

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/certificates.sh")


class Authority:
    """A test CA under `directory`. Each method returns (certificate, key) as paths."""

    def __init__(self, directory):
        self.directory = directory
        self.ca = os.path.join(directory, "ca.crt")
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._has_script = os.path.exists(SCRIPT)
        if self._has_script:
            self._script("init")
        else:
            self._openssl("ca", "/CN=Hoptrail lab CA", ["basicConstraints=critical,CA:TRUE",
                                                        "keyUsage=critical,keyCertSign,cRLSign"], signed=False)

    def collector(self, *names):
        """`names` are the DNS names and addresses that clients will use."""
        if self._has_script:
            return self._script("collector", *names)
        alternatives = [("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names]
        return self._openssl("collector", "/CN=collector", self._leaf(
            "spiffe://hoptrail/collector/lab", *alternatives))

    def agent(self, machine_id):
        return self._client("agent", machine_id)

    def reader(self, name):
        return self._client("reader", name)

    def operator(self, name):
        return self._client("operator", name)

    def nobody(self):
        """Signed by the right authority, but with no role."""
        return self._openssl("nobody", "/CN=nobody", self._leaf(None, "DNS:nobody"))

    def _client(self, role, name):
        if self._has_script:
            return self._script(role, name)
        return self._openssl(f"{role}-{name}", f"/CN={name}", self._leaf(f"spiffe://hoptrail/{role}/{name}"))

    def _script(self, role, *names):
        namespaces.run(["bash", SCRIPT, role, self.directory, *names])
        stem = role if role == "collector" else f"{role}-{names[0]}" if names else "ca"
        made = self._paths(stem)
        if role != "init" and not all(map(os.path.exists, made)):
            raise namespaces.LabError(f"{SCRIPT} {role} made no {' and '.join(made)}")
        return made

    def _paths(self, stem):
        return os.path.join(self.directory, stem + ".crt"), os.path.join(self.directory, stem + ".key")

    @staticmethod
    def _leaf(identity, *alternatives):
        names = ([f"URI:{identity}"] if identity else []) + list(alternatives)
        return ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
                "extendedKeyUsage=serverAuth,clientAuth", "subjectAltName=" + ",".join(names)]

    def _openssl(self, stem, subject, extensions, signed=True):
        certificate, key = self._paths(stem)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", subject, "-keyout", key, "-out", certificate]
        for extension in extensions:
            command += ["-addext", extension]
        if signed:
            command += ["-CA", self.ca, "-CAkey", os.path.join(self.directory, "ca.key")]
        namespaces.run(command)
        return certificate, key
