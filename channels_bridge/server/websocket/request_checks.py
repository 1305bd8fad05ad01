"""Request heads: checks on all of them, and the parsing of handshakes (RFC 9112, 3, 5 and 6).

``websockets`` reads heads of handshakes too, with limits of its own that no option sets, and none
of HTTP/1.0; here such a head is there as a whole, and its size known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request

from channels_bridge.server.access_log import printable
from channels_bridge.server.asgi_types import Receive, Send
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.responses import NAME, VALUE, Header, send_text

_REQUEST_LINE = re.compile(rb"(\S+) (\S+) HTTP/1\.[01]")

#: The header that tells a client's handshake from whatever a proxy has made of it.
KEY = b"sec-websocket-key"

TRANSFER_ENCODING = b"transfer-encoding"


class Unreadable(Exception):
    """A request that is not served, and behind which nothing is read.

    Args:
        status: what to answer.
        why: for the log; nothing that a client sent is in it.
    """

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why

    async def answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """The application of such a request where others before it have to be answered first."""
        await send_text(send, self.status, f"{self.status.phrase}\n")


def read_handshake(head: bytes) -> Request:
    """Read a whole head, with the empty line at its end.

    Raises:
        Unreadable: it is not a head, or not that of a handshake.
    """
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    parts = _REQUEST_LINE.fullmatch(line)
    if parts is None:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "the request line is malformed")
    return make_request(parts[1], parts[2], _split(lines))


def _split(lines: Iterable[bytes]) -> Iterator[Header]:
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not (colon and NAME.fullmatch(name) and VALUE.fullmatch(value)):
            raise Unreadable(HTTPStatus.BAD_REQUEST, "a header is malformed")
        yield name, value


def make_request(method: bytes, target: bytes, headers: Iterable[Header]) -> Request:
    """Make a request of the parts of a head.

    HTTP/1.0 is read as 1.1, as Daphne and uvicorn read it: nginx makes that of a handshake unless
    ``proxy_http_version`` says otherwise.

    Raises:
        Unreadable: it is not a handshake's: those have no body (RFC 6455, 4.1), and a target in
            ASCII (CVE-2026-44546).
    """
    if method != b"GET":
        raise Unreadable(HTTPStatus.METHOD_NOT_ALLOWED, "a handshake is a GET")
    if not target.isascii():
        raise Unreadable(HTTPStatus.BAD_REQUEST, "the request target isn't ASCII")
    decoded = Headers()
    for name, value in headers:
        decoded[name.decode("ascii")] = value.decode("latin-1")
    lengths = decoded.get_all("Content-Length")
    if "Transfer-Encoding" in decoded or any(length != "0" for length in lengths):
        raise Unreadable(HTTPStatus.BAD_REQUEST, "a handshake has no body")
    return Request(target.decode("ascii"), decoded)


def check_framing(method: bytes, version: str, headers: Sequence[Header]) -> None:
    """Refuse what ends where a proxy in front may not see an end (RFC 9112, 6.1 and 6.3).

    Args:
        version: ``1.1`` and the like.
        headers: lower-case names. There is no ``Content-Length`` beside a ``Transfer-Encoding``,
            which llhttp refuses.

    Raises:
        Unreadable: the request isn't served.
    """
    if version not in ("1.0", "1.1"):
        raise Unreadable(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"it is HTTP/{version}")
    if method == b"CONNECT":
        raise Unreadable(HTTPStatus.NOT_IMPLEMENTED, "CONNECT is for proxies")
    if TRANSFER_ENCODING not in dict(headers):
        return  # that is told at once, of most requests
    codings = [value.strip().lower() for name, value in headers if name == TRANSFER_ENCODING]
    if version == "1.0":
        raise Unreadable(HTTPStatus.BAD_REQUEST, "it has a Transfer-Encoding in HTTP/1.0")
    if codings != [b"chunked"]:
        raise Unreadable(HTTPStatus.NOT_IMPLEMENTED, "its Transfer-Encoding is not chunked")


def has_key(head: bytes) -> bool:
    """Whether a client has meant this to be a handshake."""
    return b"\r\n" + KEY + b":" in head.lower()


def path_of(target: bytes) -> str:
    """What a log line may show of a request target."""
    return printable(target.partition(b"?")[0].decode("latin-1"))


def note_lost_upgrade(context: Context, path: str, client: str) -> None:
    """A client asked for a WebSocket, and a proxy left that out when it passed the request on."""
    context.notices.warn(
        "lost_upgrade",
        "GET %s [%s] has a Sec-WebSocket-Key, but not both Upgrade and Connection: the proxy in "
        "front keeps WebSockets from working, as it does not pass these headers on (nginx: "
        "'proxy_http_version 1.1;', 'proxy_set_header Upgrade $http_upgrade;', "
        "'proxy_set_header Connection \"upgrade\";')",
        path,
        client,
    )
