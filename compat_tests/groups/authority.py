"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1\n"

# Python 3.13 is strict about RFC 5280: a certificate says what it is for, and who signed it.
STRICT_USAGE = ("-addext", "keyUsage=critical,keyCertSign")
STRICT_EXTENSIONS = f"{EXTENSIONS}authorityKeyIdentifier=keyid\n"


class Authority:
    """Signs certificates; ``ca_file`` has its own.

    Args:
        is_strict: whether they have all that RFC 5280 asks for.
    """

    def __init__(self, directory: Path, name: str, *, is_strict: bool = True) -> None:
        self._directory = directory
        self._name = name
        self._extensions = STRICT_EXTENSIONS if is_strict else EXTENSIONS
        self.ca_file = self._path("pem")
        usage = STRICT_USAGE if is_strict else ()
        self._request(self._name, "-x509", "-out", self.ca_file, *usage)

    def sign(self, name: str) -> tuple[str, str]:
        """Return certificate and key of one who is called localhost."""
        request = str(self._directory / f"{name}.csr")
        self._request(name, "-out", request, "-subj", "/CN=localhost")
        extensions = self._directory / "extensions"
        extensions.write_text(self._extensions)
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
