"""The files of TLS: who may have signed a node's certificate, and a certificate of one's own.

They are read for each link, so that a certificate that was renewed is used from the next one on.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Files, all PEM.

    Attributes:
        ca_file: the authorities that nodes' certificates must be signed by; empty: the system's.
        client_cert_file: this process' certificate, and what leads to its authority; or empty.
        client_key_file: its key.
    """

    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""

    def make_context(self) -> ssl.SSLContext:
        """Make a context of what is in the files now.

        Raises:
            NatsUnavailable: one can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:  # ssl.SSLError is one
            raise _unusable("ca_file", self.ca_file, error) from error
        if self.client_cert_file:
            self._load_certificate(context)
        return context

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        try:
            # Never ask a terminal for a password: nobody sits there.
            context.load_cert_chain(self.client_cert_file, self.client_key_file, lambda: "")
        except OSError as error:
            files = f"{self.client_cert_file} with {self.client_key_file}"
            raise _unusable("client_cert_file", files, error) from error


def _unusable(option: str, path: str, error: OSError) -> NatsUnavailable:
    words = getattr(error, "reason", None) or error.strerror or str(error)
    return NatsUnavailable(
        f"{option} can't be used: {path} ({str(words).replace('_', ' ').lower()})",
        "it must be PEM, readable for this process' user; a key must fit its certificate",
        refuses=True,
    )
