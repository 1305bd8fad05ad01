"""A minimal HTTP server for a few pages, in the supervisor's own event loop.

No framework: one small request for each connection, GET only, under limits of size, time and
number. A page that waits for workers doesn't keep others from being served.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message as Headers
from http import HTTPStatus
from http.client import HTTPException, parse_headers

from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.monitoring.streams import serving_streams

logger = logging.getLogger("channels_bridge.server")

#: Seconds for a client to send its request, and again to read the answer.
PATIENCE = 5.0

#: Bytes of a request.
MAX_HEAD = 8192


@dataclass(frozen=True)
class Answer:
    """A response, with a body of text."""

    status: HTTPStatus
    text: bytes
    content_type: str = "text/plain; charset=utf-8"

    def serialize(self) -> bytes:
        """The bytes to send, after which the connection is closed."""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.text)}\r\n"
            "Allow: GET\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + self.text


#: Makes the answer to a request with these headers.
Page = Callable[[Headers], Awaitable[Answer]]


@contextlib.asynccontextmanager
async def serving_pages(
    listeners: Sequence[Listener], pages: Mapping[str, Page]
) -> AsyncIterator[None]:
    """Serve pages by their path until the block ends; the listeners are closed then."""
    async with serving_streams(listeners, _Endpoint(pages).converse, limit=MAX_HEAD):
        yield


class _Endpoint:
    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        except asyncio.LimitOverrunError:
            answer = _refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            answer = await self._answer(head)
        writer.write(answer.serialize())
        await asyncio.wait_for(writer.drain(), PATIENCE)

    async def _answer(self, head: bytes) -> Answer:
        request, _, rest = head.partition(b"\r\n")
        try:
            method, target, _version = request.decode("ascii").split(" ")
            headers = parse_headers(io.BytesIO(rest))
        except (ValueError, HTTPException):
            return _refusal(HTTPStatus.BAD_REQUEST)
        if method != "GET":
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED)
        path = target.partition("?")[0]
        page = self._pages.get(path)
        if page is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        try:
            return await page(headers)
        except Exception:  # the edge: the supervisor goes on
            logger.exception("cannot answer GET %s", path)
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR)


def _refusal(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.phrase}\n".encode())
