"""Reverse proxies in front of the server.

They know better under which prefix the project is served, and who the client is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from channels_bridge.server.errors import StartupError

#: Trust every peer, as where only the proxy can reach the server.
EVERYONE = "*"

#: Trust peers on unix sockets, which have no address.
UNIX = "unix"

_SECURE = {"http": "https", "ws": "wss"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Host and port; the port is 0 where it is not known.
Peer = tuple[str, int]

# An address in brackets, or one without a colon, before the port. IPv6 without brackets has none.
_HOST_AND_PORT = re.compile(r"(?:\[([^][]+)\]|([^][:]+))(?::([0-9]{1,5}))?")


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """What a proxy in front passes on, and from whom it is believed.

    Args:
        root_path: the prefix under which the proxy serves the application, such as ``/app``.
        trusted: peers whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed:
            addresses, networks, ``unix`` or ``*``. Nobody's are, unless named: a client could
            write them itself.

    Raises:
        StartupError: an entry has another form.
    """

    root_path: str = ""
    trusted: tuple[str, ...] = ()
    _networks: tuple[Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.root_path and not self.root_path.startswith("/"):
            raise StartupError(f"root path {self.root_path!r} must start with a slash")
        object.__setattr__(self, "root_path", self.root_path.rstrip("/"))
        object.__setattr__(self, "_networks", tuple(_parse_networks(self.trusted)))

    def apply(self, scope: dict[str, Any]) -> None:
        """Correct the scope of a request or of a handshake."""
        if self.root_path:
            self._add_root_path(scope)
        if self.trusted and self._trusts(scope["client"], on_tcp=_is_tcp(scope["server"])):
            self._believe(scope)

    def _add_root_path(self, scope: dict[str, Any]) -> None:
        """Let ``path`` include ``root_path`` (ASGI "HTTP Connection Scope").

        The proxy may have taken the prefix away (as uvicorn assumes) or not (as Daphne assumes).
        """
        scope["root_path"] = self.root_path
        path: str = scope["path"]
        if path != self.root_path and not path.startswith(self.root_path + "/"):
            scope["path"] = self.root_path + path
            scope["raw_path"] = self.root_path.encode() + scope["raw_path"]

    def _believe(self, scope: dict[str, Any]) -> None:
        forwarded_for, protocols = [], []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded_for += _split(value)
            elif name == b"x-forwarded-proto":
                protocols += _split(value)
        client = self._find_client([_parse_peer(text) for text in forwarded_for])
        if client is not None:
            scope["client"] = client
        if protocols and protocols[-1].lower() in ("https", "wss"):
            scope["scheme"] = _SECURE.get(scope["scheme"], scope["scheme"])

    def _find_client(self, forwarded_for: list[Peer]) -> Peer | None:
        """Return the last address that isn't a trusted proxy's: those before it are only claims."""
        for peer in reversed(forwarded_for):
            if not self._trusts(peer, on_tcp=True):
                return peer
        return forwarded_for[0] if forwarded_for else None

    def _trusts(self, peer: Peer | None, *, on_tcp: bool) -> bool:
        if EVERYONE in self.trusted:
            return True
        if peer is None:  # a unix socket's; or it was on TCP and has reset the connection by now
            return UNIX in self.trusted and not on_tcp
        try:
            address = ipaddress.ip_address(peer[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in network for network in self._networks)


def _is_tcp(server: tuple[str, int | None] | None) -> bool:
    return server is not None and isinstance(server[1], int)


def _split(value: bytes) -> list[str]:
    return [part.strip() for part in value.decode("latin-1").split(",") if part.strip()]


def _parse_peer(text: str) -> Peer:
    """Read an entry of ``X-Forwarded-For``: some proxies, as Azure's and IIS, add the port.

    What has another form is returned as it is, and trusted by nobody.
    """
    parts = _HOST_AND_PORT.fullmatch(text)
    if parts is None or (port := int(parts[3] or 0)) > 65535:
        return text, 0
    return parts[1] or parts[2], port


def _parse_networks(entries: Iterable[str]) -> Iterable[Network]:
    for entry in entries:
        if entry in (EVERYONE, UNIX):
            continue
        try:
            yield ipaddress.ip_network(entry)
        except ValueError:
            raise StartupError(
                f"cannot trust proxy {entry!r}: write an address such as 10.0.0.1, a network such "
                f"as 10.0.0.0/8, {UNIX!r} or {EVERYONE!r}"
            ) from None


#: Nothing in front.
NO_PROXY = Proxy()
