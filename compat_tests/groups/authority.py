"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

# Python 3.13 is strict about RFC 5280: a certificate says who signed it.
EXTENSIONS = """\
subjectAltName=DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier=keyid
"""


class Authority:
    """Signs certificates; ``ca_file`` has its own."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self.ca_file = self._path("pem")
        usage = ("-addext", "keyUsage=critical,keyCertSign")
        self._request(self._name, "-x509", "-out", self.ca_file, *usage)

    def sign(self, name: str) -> tuple[str, str]:
        """Return certificate and key of one who is called localhost."""
        request = str(self._directory / f"{name}.csr")
        self._request(name, "-out", request, "-subj", "/CN=localhost")
        extensions = self._directory / "extensions"
        extensions.write_text(EXTENSIONS)
        certificate = str(self._directory / f"{name}.pem")
        self._openssl(
            *("x509", "-req", "-in", request, "-out", certificate, "-days", "2"),
            *("-CA", self.ca_file, "-CAkey", self._path("key"), "-CAcreateserial"),
            *("-extfile", str(extensions)),
        )
        return certificate, str(self._directory / f"{name}.key")

    def _path(self, suffix: str) -> str:
        return str(self._directory / f"{self._name}.{suffix}")

    def _request(self, name: str, *options: str) -> None:
        key = str(self._directory / f"{name}.key")
        subject = () if "-subj" in options else ("-subj", f"/CN={name}", "-days", "2")
        algorithm = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl("req", *algorithm, "-keyout", key, *subject, *options)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self._directory, check=True, capture_output=True
        )
