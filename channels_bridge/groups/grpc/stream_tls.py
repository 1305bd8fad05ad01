"""TLS of the stream over TCP: what the files of ``Credentials`` mean to both of its ends."""

from __future__ import annotations

import ssl

from channels_bridge.groups.credentials import Credentials

#: The name of HTTP/2 for ALPN, without which gRPC doesn't talk.
PROTOCOL = "h2"


def process_context(credentials: Credentials) -> ssl.SSLContext:
    """Return what a process needs of TLS.

    Raises:
        ValueError: a file can't be used.
    """
    authorities = credentials.read("ca_file")
    try:
        context = ssl.create_default_context(cafile=credentials.ca_file if authorities else None)
    except OSError as error:  # ssl.SSLError is one
        raise _unusable("ca_file", credentials.ca_file, error) from error
    _accept_plain(context)
    _load(context, credentials, "client_cert_file", "client_key_file")
    context.set_alpn_protocols([PROTOCOL])
    return context


def hub_context(credentials: Credentials) -> ssl.SSLContext | None:
    """Return what a hub needs of TLS; None where it has no certificate.

    Raises:
        ValueError: a file can't be used.
    """
    if not credentials.cert_file:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _accept_plain(context)
    _load(context, credentials, "cert_file", "key_file")
    if credentials.read("client_ca_file"):
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(credentials.client_ca_file)
        except OSError as error:
            raise _unusable("client_ca_file", credentials.client_ca_file, error) from error
    context.set_alpn_protocols([PROTOCOL])
    return context


def _accept_plain(context: ssl.SSLContext) -> None:
    """Take certificates as ``openssl req -x509`` makes them, as gRPC does: Python 3.13 wouldn't."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def _load(context: ssl.SSLContext, credentials: Credentials, cert: str, key: str) -> None:
    if credentials.read(cert) is None or credentials.read(key) is None:
        return
    files = getattr(credentials, cert), getattr(credentials, key)
    try:
        # Never ask a terminal for a password: nobody sits there.
        context.load_cert_chain(*files, lambda: "")
    except OSError as error:
        raise _unusable(cert, " with ".join(files), error) from error


def _unusable(option: str, path: str, error: OSError) -> ValueError:
    words = getattr(error, "reason", None) or error.strerror or str(error)
    return ValueError(f"{option!r} can't be used: {path} ({str(words).replace('_', ' ').lower()})")
