"""HTTP on the port of the WebSockets, by uvicorn's HTTP protocol.

This module needs the extra ``http``: ``protocol_factory`` imports it where that is installed.
What it overrides of uvicorn, and what it calls, is private there, or as good as private: a new
release may change it. ``compat_tests/surface/pins.py`` has the digests of it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from channels_bridge.server.access_log import client_name, logged
from channels_bridge.server.asgi_types import Application, Receive, Send
from channels_bridge.server.http.page import Cycle, Page
from channels_bridge.server.http.refusal import Refusal, note_refusal
from channels_bridge.server.http.shared_state import SharedState
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.request_checks import (
    KEY,
    Unreadable,
    check_framing,
    make_request,
    note_lost_upgrade,
    path_of,
)

logger = logging.getLogger("channels_bridge.server")


def make_factory(context: Context) -> Callable[[], HttpConnection]:
    """A factory of connections that share uvicorn's configuration, and the worker's tasks."""
    config = Config(
        context.application,
        interface="asgi3",
        http=HttpToolsProtocol,
        ws="none",  # handshakes are ours
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    config.load()
    return partial(HttpConnection, context, config, SharedState(context))


#: Bytes around the name and the value of a header.
AROUND_HEADER = len(": \r\n")


class Place(enum.Enum):
    """Where in a request the last byte is that was read."""

    BETWEEN = "before the first, or between two"
    HEAD = "in a head"
    BODY = "in a body, or the trailers behind it"


# At hand, as looking one up in an enum takes longer than most of what is done for a header.
BETWEEN, HEAD, BODY = Place


def explain(error: HttpParserError) -> Unreadable:
    """The reason for a refusal: ours where one of our callbacks has raised, else the parser's."""
    cause = error.__context__
    if isinstance(cause, Unreadable):
        return cause
    why = str(error) if cause is None else "its target can't be read"
    return Unreadable(HTTPStatus.BAD_REQUEST, why)


class HttpConnection(HttpToolsProtocol):
    """uvicorn's protocol, with protection from request smuggling, limits, and the worker's counts.

    It agrees with whatever proxy is in front on where each request ends, or closes the connection
    (RFC 9112, 11.2): requests whose framing could be read in two ways are refused, nothing is read
    behind one that is refused, and the body of a request that asks for another protocol than
    WebSocket is its body (RFC 9110, 7.8), which uvicorn takes for that protocol.

    uvicorn sets no limits to the head of a request either; those of the first one, which another
    protocol has read, hold for all later ones, and for trailers.

    Args:
        context: of the worker.
        config: uvicorn's; the same for all connections.
        state: what uvicorn's protocols share; the same for all connections.
    """

    page: Page | None = None  # that is being served
    place = BETWEEN
    refused = False  # what comes is not read any more, but earlier requests are answered
    lasts = True  # may be kept alive
    head_timer: asyncio.TimerHandle | None = None
    head_size = 0  # of the present message: bytes of its target, headers and trailers
    unparsed = 0  # bytes read since the parser had something to tell

    def __init__(self, context: Context, config: Config, state: SharedState) -> None:
        super().__init__(config=config, server_state=state, app_state=context.state)
        self.context = context
        self.access_log = False  # ours tells how long it took, too
        self.logger = logger
        self.timeout_keep_alive = context.config.keep_alive_timeout  # type: ignore[assignment]
        self.max_head_size = context.config.max_head_size  # at hand, as it is asked for each header

    @property
    def lasting(self) -> bool:
        return self.page is not None and self.page.is_endless

    @property
    def app(self) -> Application:
        """What uvicorn calls with each request.

        A property: a bound method that is kept here would be a cycle, which each connection left to
        the garbage collector.
        """
        return self.serve

    @app.setter
    def app(self, app: object) -> None:
        """Ignored: uvicorn's may have a logger around it, which writes what clients send."""

    async def serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request; an ASGI application."""
        self.context.counters.pages += 1
        self.context.config.proxy.apply(scope)
        # Of this request: with pipelining, self.cycle is the latest one's.
        cycle: Cycle = cast(Any, receive).__self__
        self.page = page = Page(self.context, cycle)
        try:
            if self.context.config.access_log:
                await logged(page, self.context.access)(scope, receive, send)
            else:
                await page(scope, receive, send)
        finally:
            if self.page is page:  # else: the next request's, which has not waited for this
                self.page = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and start the time limit of the first head."""
        super().connection_made(cast(asyncio.Transport, transport))  # uvloop's is not a subclass
        self.context.entered(self)
        # Not only when a message begins: for llhttp, empty lines are before that, and anybody could
        # send them for ever.
        self.start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_head_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self.context.lost(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it can't read, or what is too large, is refused."""
        if self.refused:
            return
        self.unparsed += len(data)
        try:
            self.parse(data)
        except HttpParserError as error:
            self.refuse(explain(error))
        else:
            if self.head_size + self.unparsed > self.max_head_size:
                self.refuse(too_large())

    def parse(self, data: bytes) -> None:
        """Feed the parser, which stops behind each head that has an Upgrade header."""
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except HttpParserUpgrade as upgrade:
                rest = memoryview(rest)[upgrade.args[0] :]
            else:
                if self.place is HEAD and self.head_timer is None:
                    self.start_head_timer()  # most heads come at once, and need none
                return
            if self.is_handshake():
                self.open_websocket(bytes(rest))
                return
            self.parse_without_upgrade()

    def parse_without_upgrade(self) -> None:
        """Have the head read again, without what makes llhttp leave the body alone."""
        headers = self.headers.copy()
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
        self.parser.feed_data(b"\r\n".join(lines) + b"\r\n\r\n")
        self.headers[:] = headers  # in place: the application's scope has this list

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()  # not before: empty lines may come in between
        self.place, self.head_size, self.unparsed = HEAD, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self.head_size += len(url)
        self.unparsed = 0
        if self.head_size > self.max_head_size:
            raise too_large()  # through the parser, see data_received()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header or trailer towards the head's limit, and keep what is a header.

        It calls nothing of ours or uvicorn's: a browser sends a dozen headers with each request.
        """
        self.head_size = size = self.head_size + len(name) + len(value) + AROUND_HEADER
        self.unparsed = 0
        if size > self.max_head_size:
            raise too_large()  # through the parser, see data_received()
        # Else a trailer, which must not be taken for a header (RFC 9110, 6.5.1), or a name that
        # environments in the style of WSGI can't tell from one with a hyphen (CVE-2015-0219).
        if self.place is HEAD and b"_" not in name:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the framing, and have the request answered.

        Raises:
            Unreadable: the framing is ambiguous; through the parser, see ``data_received()``.
        """
        self.stop_head_timer()
        check_framing(self.parser.get_method(), self.parser.get_http_version(), self.headers)
        if self.parser.should_upgrade():
            return  # see parse()
        super().on_headers_complete()  # which starts the application
        self.place = BODY
        if KEY in dict(self.headers):
            note_lost_upgrade(self.context, path_of(self.url), client_name(self.client))
        self.decide_keep_alive()

    def decide_keep_alive(self) -> None:
        """Decide whether another request may follow on the connection."""
        may_last = self.lasts and not self.context.ending
        # uvicorn asks the parser from 0.53 on, too.
        if not (may_last and self.parser.should_keep_alive()):
            self.cycle.keep_alive = False
        # Where the answer comes before the body, a client that expects 100 may leave the body out
        # (RFC 9110, 10.1.1), and what it sends next could be either. Once the body is there, the
        # connection is kept after all: see on_message_complete().
        self.was_kept_alive = self.cycle.keep_alive
        if self.expect_100_continue:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.unparsed = 0
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self.unparsed = 0

    def on_message_complete(self) -> None:
        """End the body; the connection lasts after all where the answer has waited for it."""
        self.unparsed = 0
        if self.parser.should_upgrade():
            return
        self.place = BETWEEN
        super().on_message_complete()
        if self.lasts and not self.cycle.response_started:
            self.cycle.keep_alive = self.was_kept_alive

    # Time

    def start_head_timer(self) -> None:
        self.stop_head_timer()
        self.head_timer = self.loop.call_later(
            self.context.config.handshake_timeout, self.head_overdue
        )

    def stop_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def head_overdue(self) -> None:
        """Refuse with 408 what has not come to the end of its head in ``handshake_timeout``."""
        self.head_timer = None
        if self.is_answering:
            # With a pipelined request waiting, nothing is read: the head can be here, unread.
            self.start_head_timer()
        else:
            self.refuse(Unreadable(HTTPStatus.REQUEST_TIMEOUT, "its head is not complete"))

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:  # uvicorn waits for another request
            self.context.idle[self] = None

    def _unset_keepalive_if_required(self) -> None:
        if self.timeout_keep_alive_task is not None:
            super()._unset_keepalive_if_required()
            self.context.idle.pop(self, None)

    def shutdown(self) -> None:
        self.lasts = False
        super().shutdown()
        if self.page is not None:
            self.page.shutdown()

    # Refusals, and handshakes

    @property
    def is_answering(self) -> bool:
        """Whether there is a request whose answer isn't complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def refuse(self, reason: Unreadable) -> None:
        """Read no further; answer what was asked before, and this if it has no answer yet."""
        note_refusal(self.context, self.transport, reason.status, reason.why)
        self.stop_head_timer()
        self.refused = True
        if self.place is not BODY and self.is_answering:
            self.cycle.keep_alive = False  # the earlier request's answer is the last one
        elif self.pipeline and self.pipeline[0][0] is self.cycle:
            # It waits for the answer to an earlier one, and is answered in its turn.
            self.cycle.keep_alive = False
            self.pipeline[0] = (self.cycle, cast(Any, reason.answer))
        elif self.place is BODY and self.cycle.response_started:
            self.transport.close()  # half an answer can't become another one
        else:
            self.turn_away(reason)

    def turn_away(self, reason: Unreadable) -> None:
        """Answer at once, and end the connection."""
        if self.is_answering:  # its application hears http.disconnect, and nobody its answer
            self.cycle.disconnected = True
            self.cycle.waiting_for_100_continue = False
            self.cycle.message_event.set()
        self.leave()
        Refusal(self.context, self.transport, reason.status)

    def is_handshake(self) -> bool:
        return [value.lower() for name, value in self.headers if name == b"upgrade"] == [
            b"websocket"
        ]

    def open_websocket(self, rest: bytes) -> None:
        """A handshake on a connection that served HTTP before, as proxies reuse theirs."""
        try:
            request = make_request(self.parser.get_method(), self.url, self.headers)
        except Unreadable as reason:
            self.refuse(reason)
            return
        if self.is_answering:
            # The answer to an earlier request would go into the WebSocket.
            self.refuse(Unreadable(HTTPStatus.BAD_REQUEST, "a pipelined handshake"))
            return
        self.leave()
        WebSocketConnection(self.context).take_over(self.transport, request, rest)

    def leave(self) -> None:
        """Let another protocol have the transport."""
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self.context.left(self)
        del self.parser  # its callbacks are ours: a cycle


def too_large() -> Unreadable:
    return Unreadable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
