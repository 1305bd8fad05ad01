"""The nodes that a connection may go to: those configured, and those that INFO names. No I/O."""

from __future__ import annotations

import ipaddress
import os
import random
import socket
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

PORT = 4222
SCHEMES = ("nats", "tls")


@dataclass(eq=False, slots=True)
class ServerAddress:
    """A node's address, and how it went there.

    Attributes:
        host: a name or an IP address, without brackets.
        port: of TCP.
        tls: whether its URL demands TLS.
        certificate_name: who its certificate must be for.
        is_configured: whether it stays, whatever INFO says.
        refusals: how many attempts in a row it has refused for a reason that no waiting heals.
    """

    host: str
    port: int
    tls: bool
    certificate_name: str
    is_configured: bool = True
    refusals: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.host, self.port

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there leaves this machine on no wire."""
        if _is_ip(self.host):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host.lower() == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'nats'}://{host}:{self.port}"


def parse_server(url: str) -> ServerAddress:
    """Read ``nats://host:port``, ``tls://host:port`` or ``host:port``; the port is 4222 if missing.

    Raises:
        ValueError: it is something else.
    """
    if "@" in url:
        # Not the URL itself: it has a secret in it.
        raise ValueError(
            "the URL of a server has credentials in it, which logs would show: set them as options"
        )
    parts, port = _split(url)
    if parts is None or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"{url!r} isn't a NATS server: write 'nats://host:4222', or 'tls://...'")
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{url!r}: only nats:// and tls:// can be used")
    host = parts.hostname
    return ServerAddress(host, port or PORT, parts.scheme == "tls", host)


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        return parts, parts.port
    except ValueError:
        return None, None


def process_number() -> int:
    """A number that spreads processes over nodes: those of one host begin one after another."""
    return zlib.crc32(socket.gethostname().encode()) + os.getpid()


class ServerPool:
    """Nodes in the order in which they are tried, over and over.

    Args:
        urls: those configured; at least one.
        start: which of them is first; the others come shuffled.
        allow_unprotected_tcp: whether nodes that INFO names may be on other machines where none of
            the URLs demands TLS. They get to see the credentials.

    Raises:
        ValueError: there is none, or one can't be read.
    """

    def __init__(
        self, urls: Sequence[str], *, start: int, allow_unprotected_tcp: bool = False
    ) -> None:
        servers = [parse_server(url) for url in urls]
        if not servers:
            raise ValueError("no server: name at least one, as in 'nats://127.0.0.1:4222'")
        first = servers.pop(start % len(servers))
        # Its own: the project may have seeded the one that all share.
        self._random = random.Random(f"{start} {os.getpid()}")
        self._random.shuffle(servers)
        self._servers = [first, *servers]
        self.uses_tls = any(server.tls for server in self._servers)
        self._goes_far = self.uses_tls or allow_unprotected_tcp

    def __len__(self) -> int:
        return len(self._servers)

    def take(self) -> ServerAddress:
        """The next one to try; it becomes the last."""
        server = self._servers.pop(0)
        self._servers.append(server)
        return server

    def put_last(self, server: ServerAddress) -> None:
        """Try all others before this one."""
        if server in self._servers:
            self._servers.remove(server)
            self._servers.append(server)

    def has_others(self, server: ServerAddress) -> bool:
        """Whether there is any but this one."""
        return any(each is not server for each in self._servers)

    def learn(self, urls: Iterable[str], current: ServerAddress) -> list[ServerAddress]:
        """Take over what INFO says of the cluster: nodes that are new, and those that have gone.

        Args:
            urls: ``host:port`` of all; none where a node says nothing of it.
            current: who has said so; it stays.

        Returns:
            Those that are left out, as they are on other machines.
        """
        told = list(self._read(urls, current))
        named = {server.place: server for server in told if self._may_use(server)}
        if named:
            self._replace(named, current)
        return [server for server in told if not self._may_use(server)]

    def _may_use(self, server: ServerAddress) -> bool:
        return self._goes_far or server.is_loopback

    def _replace(self, named: dict[tuple[str, int], ServerAddress], current: ServerAddress) -> None:
        known = {server.place for server in self._servers}
        self._servers = [
            server
            for server in self._servers
            if server.is_configured or server is current or server.place in named
        ]
        new = [server for place, server in named.items() if place not in known]
        for server in new:
            self._servers.insert(self._random.randrange(len(self._servers) + 1), server)

    def _read(self, urls: Iterable[str], current: ServerAddress) -> Iterator[ServerAddress]:
        # A cluster tells its nodes' addresses, where certificates are for names.
        common_name = None if _is_ip(current.certificate_name) else current.certificate_name
        for url in urls:
            parts, port = _split(url)
            if parts is None or not parts.hostname or "@" in parts.netloc:
                continue
            host = parts.hostname
            name = (common_name or host) if _is_ip(host) else host
            yield ServerAddress(host, port or PORT, self.uses_tls, name, False)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
