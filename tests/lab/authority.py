"""Certificates for the lab. The product's own script makes them, so that the script is tested as well.

Only certificates that a real authority would never sign are made here: an expired one, and one without any role.
"""

import os

import namespaces

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/certificates.sh")


class Authority:
    """A test CA under `directory`. Each method returns (certificate, key) as paths; a second call with the same
    arguments returns the same paths."""

    def __init__(self, directory):
        self.directory = directory
        self.ca, _ = self._make("ca", "init", directory)

    def collector(self, *names):
        """`names` are the DNS names and addresses that clients will use."""
        numeric = [name.replace(".", "").isdigit() or ":" in name for name in names]
        alternatives = [("IP:" if is_address else "DNS:") + name for name, is_address in zip(names, numeric)]
        return self._make("collector", "collector", self.directory, "lab", *alternatives)

    def agent(self, machine_id):
        return self._make(f"agent-{machine_id}", "agent", self.directory, machine_id)

    def expired_agent(self, machine_id):
        """An agent's certificate that was valid until yesterday."""
        certificate, key = made = self._paths(f"expired-agent-{machine_id}")
        if not os.path.exists(certificate):
            request, extensions = certificate + ".csr", certificate + ".ext"
            with open(extensions, "w", encoding="ascii") as file:
                file.write(f"subjectAltName=URI:spiffe://hoptrail/agent/{machine_id}\nextendedKeyUsage=clientAuth\n")
            namespaces.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-subj", "/O=hoptrail/CN=expired", "-keyout", key, "-out", request])
            namespaces.run(["openssl", "x509", "-req", "-in", request, "-days", "-1", "-CA", self.ca, "-CAkey",
                            os.path.join(self.directory, "ca.key"), "-set_serial", "9", "-extfile", extensions,
                            "-out", certificate])
        return made

    def reader(self, name):
        return self._make(f"reader-{name}", "reader", self.directory, name)

    def operator(self, name):
        return self._make(f"operator-{name}", "operator", self.directory, name)

    def nobody(self):
        """A certificate of the right authority, but without a role."""
        certificate, key = made = self._paths("nobody")
        if not os.path.exists(certificate):
            namespaces.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-days", "2", "-subj", "/O=hoptrail/CN=nobody", "-keyout", key,
                            "-out", certificate, "-CA", self.ca, "-CAkey", os.path.join(self.directory, "ca.key"),
                            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=clientAuth",
                            "-addext", "subjectAltName=DNS:nobody"])
        return made

    def _make(self, stem, *arguments):
        made = self._paths(stem)
        if not all(map(os.path.exists, made)):  # the script overwrites nothing
            namespaces.run(["bash", SCRIPT, *arguments])
        if not all(map(os.path.exists, made)):
            raise namespaces.LabError(f"certificates.sh {' '.join(arguments)} made no {' and '.join(made)}")
        return made

    def _paths(self, stem):
        return os.path.join(self.directory, stem + ".crt"), os.path.join(self.directory, stem + ".key")
