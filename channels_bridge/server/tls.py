"""TLS on the server's own port."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from .errors import StartupError


@dataclass(frozen=True)
class Certificate:
    """Where a certificate is.

    Attributes:
        certfile: path of the certificate chain, PEM.
        keyfile: path of the private key, PEM; None where the chain's file has it.
        password: of the key, if it has one.
    """

    certfile: str
    keyfile: str | None = None
    password: str | None = None

    def load(self) -> ssl.SSLContext:
        """A context for a server, with Python's defaults for protocols and ciphers.

        Raises:
            StartupError: a file is missing or unreadable, or key and certificate don't match.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # A callable even without a password: otherwise OpenSSL asks on the terminal.
            context.load_cert_chain(self.certfile, self.keyfile, lambda: self.password or "")
        except (OSError, ValueError) as error:
            files = " and ".join(filter(None, [self.certfile, self.keyfile]))
            raise StartupError(
                f"cannot use the certificate in {files}: {_explain(error)}"
            ) from None
        return context


def _explain(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | PermissionError):
        return str(error.strerror)
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or 'not PEM'}; give a PEM chain, its key and the key's password"
    return str(error)
