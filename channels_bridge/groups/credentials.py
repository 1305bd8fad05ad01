"""Credentials of the hub and of processes on TCP: TLS and a token.

The hub shows a certificate; a process shows a token, or a certificate of its own (mutual TLS), or
both. Checked here once, for settings, command line and hub alike. No gRPC in this file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from channels_bridge.groups.discovery.hub_address import Address

#: The environment variable that may have the token.
TOKEN_VARIABLE = "CHANNELS_BRIDGE_HUB_TOKEN"

#: As many characters as 128 bits have in hexadecimal.
MIN_TOKEN_LENGTH = 32

PROTECT = (
    "anyone who reaches a TCP port could read and send messages. Set `cert_file` and `key_file` "
    "for the hub, `ca_file` for the processes, and a `token` for both; or, as hubs on TCP are "
    "deprecated, use NatsChannelLayer"
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The options that say what hub and processes show each other, and ask for.

    All files are PEM. A process reads them again for each connection, a hub when it starts.

    Attributes:
        token: what processes show the hub.
        token_file: where it is, if it isn't given.
        ca_file: processes accept a hub whose certificate these authorities have signed; those of
            the system if there is none.
        cert_file: the hub's certificate, and what leads to its authority.
        key_file: the hub's key.
        client_ca_file: the hub accepts only processes with a certificate that these have signed.
        client_cert_file: a process' certificate, and what leads to its authority.
        client_key_file: a process' key.
        allow_unprotected_tcp: whether TCP may be used without all that.
    """

    token: str = field(default="", repr=False)
    token_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    allow_unprotected_tcp: bool = False

    def __post_init__(self) -> None:
        for option in fields(Credentials):  # what inherits them has others besides
            value = getattr(self, option.name)
            expected = type(option.default)
            if not isinstance(value, expected):
                # Not the value: it may be the token.
                raise ValueError(f"{option.name!r} must be a {expected.__name__}")
        if self.token and self.token_file:
            raise ValueError("'token' and 'token_file' are both set: remove one")
        if self.token:
            _require_token("'token'", self.token)
        for cert, key in (("cert_file", "key_file"), ("client_cert_file", "client_key_file")):
            if bool(getattr(self, cert)) != bool(getattr(self, key)):
                raise ValueError(f"{cert!r} and {key!r} must be set together")

    @property
    def uses_tls(self) -> bool:
        """Whether a process expects the hub to use TLS."""
        return bool(self.ca_file or self.client_cert_file) or not self.allow_unprotected_tcp

    def read_token(self) -> str:
        """Return the token: as given, from the file, or from the environment; "" if there is none.

        Raises:
            ValueError: it can't be used.
        """
        if self.token_file:
            token = _read("token_file", self.token_file).decode("ascii", "replace").strip()
            _require_token(f"the content of 'token_file' ({self.token_file})", token)
            return token
        if not self.token and (token := os.environ.get(TOKEN_VARIABLE, "")):
            _require_token(f"the environment variable {TOKEN_VARIABLE}", token)
            return token
        return self.token

    def read(self, option: str) -> bytes | None:
        """Return the content of the file that an option names; None when it names none.

        Raises:
            ValueError: it can't be read.
        """
        path = getattr(self, option)
        return _read(option, path) if path else None

    def require_for_process(self, address: Address) -> None:
        """Check what a process needs.

        Raises:
            ValueError: something is missing, or there is too much; says what to write instead.
        """
        if address.path is not None:
            self._require_none()
            return
        for option in ("ca_file", "client_cert_file", "client_key_file"):
            self.read(option)
        if not (self.read_token() or self.client_cert_file or self.allow_unprotected_tcp):
            raise ValueError(f"a process needs a 'token' or a 'client_cert_file': {PROTECT}")

    def require_for_hub(self, address: Address) -> None:
        """Check what the hub needs. Raises ValueError, as ``require_for_process()``."""
        if address.path is not None:
            self._require_none()
            return
        for option in ("cert_file", "key_file", "client_ca_file"):
            self.read(option)
        has_token = bool(self.read_token())
        if self.client_ca_file and not self.cert_file:
            raise ValueError("'client_ca_file' needs a 'cert_file': there is no TLS without it")
        if self.allow_unprotected_tcp:
            return
        if not self.cert_file:
            raise ValueError(f"a hub on TCP needs a 'cert_file': {PROTECT}")
        if not (has_token or self.client_ca_file):
            raise ValueError(f"a hub on TCP needs a 'token' or a 'client_ca_file': {PROTECT}")

    def _require_none(self) -> None:
        for option in fields(Credentials):
            if getattr(self, option.name):
                raise ValueError(f"{option.name!r} is for TCP, a unix socket has no use for it")


#: For unix sockets.
NONE = Credentials()


def _require_token(what: str, token: str) -> None:
    usable = token.isascii() and token.isprintable() and " " not in token
    if not usable or len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(
            f"{what} must have at least {MIN_TOKEN_LENGTH} characters, all printable ASCII and no "
            f"space: make one with `python -c 'import secrets; print(secrets.token_hex())'`"
        )


def _read(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{option!r} can't be read: {path} ({error.strerror})") from None
