"""The ASGI scope of a WebSocket connection (ASGI "WebSocket Connection Scope")."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Any
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.http11 import Request

from channels_bridge.server.proxy import NO_PROXY, Proxy

Scope = dict[str, Any]

#: The ASGI extension that gives applications of ours the connection itself.
EXTENSION = "channels_bridge"


def build_scope(
    request: Request, transport: asyncio.BaseTransport, proxy: Proxy = NO_PROXY
) -> Scope:
    """Describe a handshake, whose target is ASCII, to the application.

    The scope has every key that Daphne or uvicorn gives.
    """
    raw_path, _, query_string = request.path.partition("?")
    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "wss" if transport.get_extra_info("ssl_object") is not None else "ws",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "query_string": query_string.encode("ascii"),
        "root_path": "",
        "headers": raw_headers(request.headers),
        "client": peer_address(transport),
        "server": local_address(transport),
        "subprotocols": offered_subprotocols(request.headers),
    }
    proxy.apply(scope)
    return scope


#: Headers whose pairs are shared by all connections that send the same, for the memory. What
#: differs from client to client, or is secret, isn't among them.
SHARED = frozenset(
    {
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "host",
        "origin",
        "pragma",
        "sec-websocket-extensions",
        "sec-websocket-version",
        "upgrade",
        "user-agent",
    }
)


def raw_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Lower-case names and undecoded values, in the order received.

    Names with an underscore are left out as Daphne leaves them out: WSGI-style environments can't
    tell them from names with a hyphen (CVE-2015-0219).
    """
    return [
        _shared_pair(name, value) if name.lower() in SHARED else _pair(name, value)
        for name, value in headers.raw_items()
        if "_" not in name
    ]


def _pair(name: str, value: str) -> tuple[bytes, bytes]:
    return _name_bytes(name), _header_bytes(value)


_shared_pair = functools.lru_cache(maxsize=256)(_pair)  # for the memory, as the next


@functools.lru_cache(maxsize=256)  # for the memory: the scopes of all connections share names
def _name_bytes(name: str) -> bytes:
    return name.lower().encode("ascii")


def _header_bytes(value: str) -> bytes:
    """Undo websockets' decoding: ISO-8859-1 since 17.0, ASCII with surrogates before."""
    try:
        return value.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("latin-1")


def offered_subprotocols(headers: Headers) -> list[str]:
    """The client's subprotocols in its order of preference, as it has sent them.

    They should be tokens (RFC 6455, 4.1), and are not where clients put others there, such as a
    JSON Web Token or base64, for want of another header that a browser's WebSocket can set.
    """
    values = headers.get_all("Sec-WebSocket-Protocol")
    names = (name.strip() for value in values for name in value.split(","))
    return [name for name in names if name]


def peer_address(transport: asyncio.BaseTransport) -> tuple[str, int] | None:
    """``(host, port)`` of the client; None on a unix socket, which has no address."""
    address = transport.get_extra_info("peername")
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None


def local_address(transport: asyncio.BaseTransport) -> tuple[str, int | None] | None:
    """``(host, port)`` of the server, or ``(path, None)`` on a unix socket (ASGI: "server")."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None:
        return None
    address = sock.getsockname()
    if isinstance(address, tuple):
        return str(address[0]), int(address[1])
    return (str(address), None) if address else None
