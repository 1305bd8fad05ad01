"""TLS on the server's own port: certificates, and their renewal while it runs."""

from __future__ import annotations

import logging
import os
import ssl
import time
from dataclasses import dataclass

from channels_bridge.server.errors import StartupError

logger = logging.getLogger("channels_bridge.server")

#: Seconds between two looks at the files; handshakes prompt them.
INTERVAL = 2.0


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate.

    Attributes:
        certfile: path of the certificate chain, PEM.
        keyfile: path of the private key, PEM; None where the chain's file has it.
        password: of the key, if it has one.
    """

    certfile: str
    keyfile: str | None = None
    password: str | None = None

    def load(self) -> ssl.SSLContext:
        """Return a context for a server, with Python's defaults for protocols and ciphers.

        Raises:
            StartupError: a file is missing or unreadable, or key and certificate don't match.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # A callable even without a password: otherwise OpenSSL asks on the terminal.
            context.load_cert_chain(self.certfile, self.keyfile, lambda: self.password or "")
        except (OSError, ValueError) as error:
            files = " and ".join(self._files)
            trouble = self._find_unreadable() or _explain(error)
            raise StartupError(f"cannot use the certificate in {files}: {trouble}") from None
        return context

    def fingerprint(self) -> list[tuple[int, ...] | None]:
        """Return something that differs once a file has changed."""
        return [_identity(path) for path in self._files]

    @property
    def _files(self) -> list[str]:
        return [path for path in (self.certfile, self.keyfile) if path is not None]

    def _find_unreadable(self) -> str | None:
        """Say which file can't be read, which OpenSSL doesn't tell; None where all can be."""
        for path in self._files:
            try:
                open(path, "rb").close()
            except OSError as error:
                return f"{path}: {error.strerror}; name a PEM file that this user may read"
        return None


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


class RenewedCertificate:
    """A certificate whose files may be replaced while the server runs, as certbot does.

    New files hold for handshakes that begin after they were seen, ``INTERVAL`` seconds late at
    most; connections that there are keep theirs. Files that can't be used, such as a new chain
    whose key has not been written yet, are logged, and what was in use stays in use.

    Args:
        certificate: where it is.

    Raises:
        StartupError: as ``Certificate.load()``.
    """

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate
        self._files = certificate.fingerprint()
        self._context = certificate.load()
        self._next_look = time.monotonic() + INTERVAL

    def context(self) -> ssl.SSLContext:
        """Return the context for the next handshake."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + INTERVAL
            self._look()
        return self._context

    def _look(self) -> None:
        files = self._certificate.fingerprint()
        if files == self._files:
            return
        self._files = files
        try:
            self._context = self._certificate.load()
        except StartupError as error:
            logger.error("%s; the previous certificate stays in use", error)
        else:
            logger.info("the new certificate in %s is in use", self._certificate.certfile)


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or 'not PEM'}; give a PEM chain, its key and the key's password"
    return str(error)
