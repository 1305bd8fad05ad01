"""HTTP responses: the acceptance of a handshake, denials of it, and answers in plain text."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

from channels_bridge.server.asgi_types import Event, Send

Header = tuple[bytes, bytes]

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2: token
VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")  # RFC 9110, 5.5: no control characters

_ENCODES_LATIN = b"\xe9" in Headers({"X": "\xe9"}).serialize()

#: Seconds for a client to wait that was refused for a limit.
RETRY_AFTER = "10"


def decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    """Check an application's header pairs, and decode them for websockets.

    Raises:
        ValueError: a name or value that would break the response apart.
    """
    for name, value in headers:
        if not NAME.fullmatch(name):
            raise ValueError(f"invalid header name {name!r}")
        if not VALUE.fullmatch(value):
            raise ValueError(f"invalid value of header {name!r}")
        yield name.decode("ascii"), _decode(value)


def _decode(value: bytes) -> str:
    """Decode for websockets, which encodes as ISO-8859-1 since 17.0, and as UTF-8 before.

    Before, bytes that are not UTF-8 can't be sent as they are.
    """
    if not _ENCODES_LATIN:
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    return value.decode("latin-1")


def complete_acceptance(headers: Headers, message: Event, offered: Sequence[str]) -> None:
    """Add what an application's ``websocket.accept`` says to the response that accepts.

    Raises:
        ValueError: a header that would break the response apart, or a subprotocol that the client
            did not offer.
    """
    for name, value in decode_headers(message.get("headers") or ()):
        if name.lower() == "sec-websocket-protocol":
            raise ValueError("give the subprotocol as such, not as a header")
        headers[name] = value
    subprotocol = message.get("subprotocol")
    if subprotocol is not None:
        if subprotocol not in offered:
            raise ValueError(
                f"subprotocol {subprotocol!r} is not one that the client offered: {offered}"
            )
        headers["Sec-WebSocket-Protocol"] = subprotocol


def phrase(status: int) -> str:
    """The reason phrase of a status; empty for one that isn't registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def send_text(send: Send, status: HTTPStatus, text: str, *headers: Header) -> None:
    """Answer a page's request in plain text, as its application."""
    body = text.encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status.value, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def plain_response(status: HTTPStatus, text: str) -> bytes:
    """A whole response in plain text, after which the connection closes."""
    body = f"{text}\n".encode()
    headers = Headers(
        {
            "Connection": "close",
            "Content-Length": str(len(body)),
            "Content-Type": "text/plain; charset=utf-8",
        }
    )
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = RETRY_AFTER
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET"
    if status is HTTPStatus.UPGRADE_REQUIRED:
        headers["Upgrade"] = "websocket"
    return Response(status.value, status.phrase, headers, body).serialize()
