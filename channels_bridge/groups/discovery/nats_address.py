"""Addresses of NATS servers: ``nats://host:port``, and ``tls://host:port`` for TLS.

Checked here once, for settings and commands alike. Nothing of NATS in this file.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import NamedTuple

from django.conf import ENVIRONMENT_VARIABLE, settings

from channels_bridge.common.address_hints import HOST_NAME

#: Where a NATS server listens unless it is told otherwise.
DEFAULT_PORT = 4222

_SCHEMES = ("nats", "tls")
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)

#: What a prefix can't have becomes this.
_UNFIT = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)

_EXAMPLE = "write nats://host:port, or tls://host:port for TLS"


class NatsAddress(NamedTuple):
    """A valid address of a NATS server.

    Attributes:
        scheme: ``nats`` or ``tls``.
        host: name or IP address, without brackets.
        port: 1 to 65535.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: object) -> NatsAddress:
        """Read an address; one without a scheme is ``nats``, one without a port has 4222.

        Raises:
            ValueError: it isn't one; says what to write instead, and shows no password.
        """
        if not isinstance(text, str) or not text:
            raise ValueError(f"server {text!r} isn't valid: {_EXAMPLE}")
        if "@" in text:
            # Not the address itself: a password is in it.
            raise ValueError(
                "a server's address may not have a user, a password or a token in it, as addresses "
                "are logged: write `user` and `password_file`, or `token_file`, into CONFIG"
            )
        if "," in text:
            raise ValueError(f"server {text!r} isn't valid: write several servers as a list")
        before, found, after = text.strip().partition("://")
        scheme, place = (before.lower(), after) if found else ("nats", before)
        if scheme not in _SCHEMES:
            raise ValueError(f"server {text!r} isn't valid: {_explain_scheme(scheme)}")
        return cls(scheme, *_parse_place(text, place.removesuffix("/")))

    @property
    def is_tls(self) -> bool:
        return self.scheme == "tls"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there leaves this machine on no wire."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def place(self) -> str:
        """Host and port, as banners and log lines have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"


def default_prefix() -> str:
    """Return the name of the package that the settings are in: ``mysite`` for ``mysite.settings``.

    It is the same on every machine and for all settings modules of the project; empty where the
    settings come from no module.
    """
    # Settings that are overridden, as tests do, do not know their module.
    name = getattr(settings, "SETTINGS_MODULE", None) or os.environ.get(ENVIRONMENT_VARIABLE, "")
    return _UNFIT.sub("_", str(name).partition(".")[0])


def _explain_scheme(scheme: str) -> str:
    if scheme in ("ws", "wss"):
        return f"NATS over WebSocket is not spoken here, {_EXAMPLE}"
    return _EXAMPLE


def _parse_place(text: str, place: str) -> tuple[str, int]:
    host, colon, digits = place.rpartition(":")
    if not colon or place.endswith("]") or _is_ip(place):
        host, digits = place, str(DEFAULT_PORT)
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    usable = _is_ip(host) or (HOST_NAME.fullmatch(host) and not is_bracketed)
    if not usable or not _PORT.fullmatch(digits) or not 0 < int(digits) < 65536:
        raise ValueError(f"server {text!r} isn't valid: {_EXAMPLE}")
    return host, int(digits)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
