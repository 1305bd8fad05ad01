"""One HTTP request and its response, and how a response under way ends in a graceful shutdown.

What a worker that ends does about responses under way:

- Event streams, which have no end of their own, are told at once, as if their clients had left.
- Other answers of unknown length may be pages that are just being made. They are told when a third
  of ``shutdown_timeout`` is over.
- An application that was told has ``LINGER`` seconds to return before it is cancelled.
- The rest has ``shutdown_timeout``; see ``worker/serving.py``.

Errors of the application are logged in one place, here, with the page that it was to serve.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Protocol

from channels_bridge.server.access_log import client_name, printable
from channels_bridge.server.asgi_types import Event, Receive, Send
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.responses import send_text

logger = logging.getLogger("channels_bridge.server")

#: Seconds for an application to return once it was told that its answer ends.
LINGER = 2.0

#: The part of ``shutdown_timeout`` that responses of unknown length have to come to their end. The
#: rest is for applications that have no end of their own to notice, once told, and to clean up.
SHARE = 1 / 3

#: Types of answers that last until one side has had enough.
EVENT_STREAMS = frozenset({b"text/event-stream", b"multipart/x-mixed-replace"})


class Cycle(Protocol):
    """The attributes that are used of uvicorn's ``RequestResponseCycle``."""

    transport: asyncio.Transport
    message_event: asyncio.Event
    disconnected: bool
    keep_alive: bool
    response_started: bool
    response_complete: bool
    chunked_encoding: bool | None


class Page:
    """An ASGI application that answers one request with the context's, and sees it to its end.

    Args:
        context: of the worker.
        cycle: uvicorn's, for this request.

    Attributes:
        is_endless: the answer is an event stream, or will be one by what the client accepts.
    """

    def __init__(self, context: Context, cycle: Cycle) -> None:
        self.is_endless = False
        self._context = context
        self._cycle = cycle
        self._is_open = False  # an answer of unknown length has begun
        self._told = False
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Method, path and client, for log lines.
        self._request: tuple[str, bytes, Any] = "", b"", None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        # Not the scope, which is the application's; and not a text that hardly ever is needed.
        self._request = scope["method"], scope["raw_path"], scope["client"]
        # A guess, until the response has begun: browsers' EventSource asks like this.
        self.is_endless = (b"accept", b"text/event-stream") in scope["headers"]
        self._task = asyncio.current_task()
        try:
            await self._context.application(scope, receive, self._watching(send))
        except (Exception, asyncio.CancelledError) as error:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            if not self._is_ours(error):
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                logger.exception("Exception in ASGI application: %s", _describe(*self._request))
            await self._fail(send, status)
        else:
            if self._told or not self._cycle.response_complete:
                await self._require_complete(send)
        finally:
            self._set_timer(None)

    def shutdown(self) -> None:
        """The server ends, or it is this connection's turn while the worker drains."""
        self._cycle.keep_alive = False
        if self.is_endless:
            self._tell()
        elif self._context.ending:
            self._set_timer(self._context.config.shutdown_timeout * SHARE)

    def _watching(self, send: Send) -> Send:
        """A ``send()`` that notes what kind of response begins."""

        async def watching(message: Event) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if not isinstance(headers, list | tuple):
                    # Read here, and by uvicorn once more: an iterator would be empty then.
                    headers = list(headers)
                    message = {**message, "headers": headers}
                self._begin(headers)
            await send(message)

        return watching

    def _begin(self, headers: list[tuple[bytes, bytes]]) -> None:
        values = {name.lower(): value for name, value in headers}
        kind = values.get(b"content-type", b"").partition(b";")[0].strip().lower()
        self.is_endless = kind in EVENT_STREAMS
        self._is_open = b"content-length" not in values
        if self._context.ending:
            self.shutdown()

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._overdue)

    def _overdue(self) -> None:
        assert self._task is not None
        if self._told:
            logger.warning(
                "%s: the application did not return, and is cancelled", _describe(*self._request)
            )
            self._task.cancel()
        elif self._is_open:
            self._tell()

    def _tell(self) -> None:
        """Have the application hear ``http.disconnect``; what it sends from now on goes nowhere."""
        if not self._told and not self._cycle.response_complete:
            # What uvicorn does when a client has left: receive() returns, and send() does nothing.
            self._told = self._cycle.disconnected = True
            self._cycle.message_event.set()
            self._set_timer(LINGER)

    def _is_ours(self, error: BaseException) -> bool:
        """Whether an application ended with this because the server does."""
        ends = self._told or self._context.ending
        return ends and isinstance(error, asyncio.CancelledError)

    async def _require_complete(self, send: Send) -> None:
        cycle = self._cycle
        if self._told:
            self._close()
        elif cycle.disconnected or cycle.response_complete:
            return
        else:
            what = "completing" if cycle.response_started else "starting"
            logger.error(
                "%s: the application returned without %s its answer",
                _describe(*self._request),
                what,
            )
            await self._fail(send, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _fail(self, send: Send, status: HTTPStatus) -> None:
        """Answer with a status where there is time for it yet; otherwise only end."""
        if self._cycle.response_started or self._told:
            self._close()
            return
        await send_text(send, status, status.phrase, (b"connection", b"close"))

    def _close(self) -> None:
        """End a response that has begun.

        An event stream ends with the last chunk, as it is complete wherever it ends; others
        without, so that nobody takes the half for the whole.
        """
        if self._told and self.is_endless and self._cycle.chunked_encoding:
            self._cycle.transport.write(b"0\r\n\r\n")
        self._cycle.disconnected = True  # uvicorn has nothing to add
        self._cycle.transport.close()


def _describe(method: str, path: bytes, client: Any) -> str:
    """The name of a page in log lines: without the query, which may hold a token."""
    return f"HTTP {method} {printable(path.decode('latin-1'))} [{client_name(client)}]"
