"""One link to one node, from the greeting to its end."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.client import nats_commands
from channels_bridge.groups.nats.client.link_options import LinkOptions
from channels_bridge.groups.nats.client.nats_errors import (
    Denial,
    NatsUnavailable,
    explain_complaint,
    explain_denial,
    explain_failure,
    explain_missing_certificate,
)
from channels_bridge.groups.nats.client.nats_parser import NatsParser, NatsProtocolError
from channels_bridge.groups.nats.client.node_heartbeat import SILENT_BEATS, Heartbeat
from channels_bridge.groups.nats.client.node_socket import NodeSocket
from channels_bridge.groups.nats.client.server_info import ServerInfo, read_info
from channels_bridge.groups.nats.client.server_pool import ServerAddress

logger = logging.getLogger("channels_bridge.groups")

OnMessage = Callable[[bytes, int, bytes, bytes, bytes], None]
Outcome = NatsUnavailable | None


class LinkUser(Protocol):
    """Who uses a link."""

    def link_message(
        self, subject: bytes, number: int, reply: bytes, headers: bytes, payload: bytes
    ) -> None: ...

    def link_info(self, link: NodeLink, before: ServerInfo) -> None:
        """The node has said something new of itself."""

    def link_denied(self, denial: Denial) -> None:
        """The node keeps a subject from this user."""

    def link_writable(self) -> None:
        """The socket wants more again."""

    def link_ping(self, link: NodeLink) -> None:
        """A PING is due. It has its place among what waits."""


class NodeLink:
    """A link to a node.

    Args:
        server: the node's address.
        options: how to greet it.
        user: gets what comes.

    Attributes:
        info: what the node says of itself.
        round_trip: how long a PING took last, in seconds; None before the first.
        ended: done once the link is over, with the reason.
    """

    def __init__(self, server: ServerAddress, options: LinkOptions, user: LinkUser) -> None:
        self.server = server
        self.info = ServerInfo()
        self.round_trip: float | None = None
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[NatsUnavailable] = loop.create_future()
        self._options = options
        self._user = user
        # What comes before the greeting, and so before TLS, may be anybody's.
        self.received_message: OnMessage = _refuse_message
        self._parser = NatsParser(self)
        self._socket = NodeSocket(self._feed, self._resume, self._lose)
        self._greeting: asyncio.Future[NatsUnavailable | None] = loop.create_future()
        self._is_secured = False
        self._is_greeted = False
        self._complaint: NatsUnavailable | None = None
        self._pongs: deque[Callable[[NatsUnavailable | None], None]] = deque()
        self._heartbeat: Heartbeat | None = None
        self._asked: float | None = None  # when the heartbeat's PING was written
        self._notices = Notices(logger)

    async def open(self) -> None:
        """Connect to the node and greet it.

        Raises:
            NatsUnavailable: it didn't work; the link is over.
        """
        greeting = asyncio.get_running_loop().create_task(self._greet())
        try:
            # Not wait_for(), which may forget before Python 3.12 that it was cancelled.
            await asyncio.wait([greeting], timeout=self._options.connect_timeout)
            if not greeting.done():
                self._give_up_greeting()
        except BaseException:
            self.abort("it is not needed any more")
            raise
        finally:
            greeting.cancel()
            await asyncio.wait([greeting])
            error = None if greeting.cancelled() else greeting.exception()
        if error is not None:
            trouble = self._explain(error)
            self._end(trouble)
            raise trouble from error
        if self.ended.done():
            raise self.ended.result()

    def _give_up_greeting(self) -> None:
        options = self._options
        had_info = self._greeting.done() and not self._greeting.cancelled()
        waits_for_tls = options.uses_tls and not options.tls_first and not had_info
        self.abort(
            f"{self.server} has not answered within {options.connect_timeout:g} seconds",
            "set `tls_first` if it has `handshake_first`" if waits_for_tls else "",
        )

    async def _greet(self) -> None:
        options, server = self._options, self.server
        tls = options.make_context() if options.uses_tls or options.tls_first else None
        first = tls if options.tls_first else None
        await self._socket.open(
            server.host, server.port, first, server.certificate_name, options.connect_timeout
        )
        await _outcome(self._greeting)
        if not options.tls_first and (tls or self.info.tls_required):
            await self._upgrade(tls or options.make_context())
        self._socket.write(nats_commands.encode_connect(options.describe(self.info)))
        await _outcome(self.ping(self._socket.write))
        self._is_greeted = True
        self.received_message = self._user.link_message
        self._heartbeat = Heartbeat(
            options.ping_interval,
            ask=self._beat,
            get_flow=self._socket.get_flow,
            is_behind=lambda: self._parser.is_behind,
            on_silent=self._give_up,
        )

    async def _upgrade(self, tls: ssl.SSLContext) -> None:
        if not (self.info.tls_required or self.info.tls_available):
            raise NatsUnavailable(
                f"{self.server} offers no TLS",
                "configure `tls` in the server, or write `nats://` in `servers`",
                refuses=True,
            )
        if not self._parser.is_between_lines:
            raise NatsUnavailable(f"{self.server} has sent something before TLS")
        await self._socket.start_tls(tls, self.server.certificate_name)
        self._is_secured = True

    # What its user asks for.

    @property
    def heard_at(self) -> float | None:
        """When anything came from the node last, in ``time.monotonic()``."""
        return self._heartbeat.heard_at if self._heartbeat is not None else None

    @property
    def is_paused(self) -> bool:
        """Whether the socket has enough. After its end it has: what is published waits."""
        return self._socket.is_paused or self.ended.done()

    def write(self, data: bytes) -> None:
        """Write whole commands."""
        self._socket.write(data)

    def ask(self, write: Callable[[bytes], None]) -> None:
        """Ask for a sign of life; nobody waits for it.

        Args:
            write: writes in the same order as ``ping()`` does.
        """
        self._pongs.append(lambda trouble: None)
        write(nats_commands.PING)

    def ping(self, write: Callable[[bytes], None]) -> asyncio.Future[Outcome]:
        """Ask whether the node has handled what was written before.

        Args:
            write: writes in the same order as whatever is to be waited for.

        Returns:
            None once it has; what has ended the link, if that came first.
        """
        pong: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if self.ended.done():
            pong.set_result(self.ended.result())
            return pong
        self._pongs.append(partial(answer_ping, pong))
        write(nats_commands.PING)
        return pong

    def forget_pings(self, count: int) -> None:
        """Let the last ones fail, which will not be written: PONGs are for those before."""
        trouble = NatsUnavailable(f"{self.server} was left before it could be asked")
        for _ in range(min(count, len(self._pongs))):
            self._pongs.pop()(trouble)

    def abort(self, reason: str, advice: str = "") -> None:
        """End it at once."""
        self._end(NatsUnavailable(reason, advice))

    async def aclose(self) -> None:
        """End it once all is written; not longer than a connect may take."""
        self._stop(NatsUnavailable("the connection has been closed"))
        self._socket.close()
        await asyncio.wait([self._socket.lost], timeout=self._options.connect_timeout)
        self._socket.abort()

    # How it ends.

    def _end(self, trouble: NatsUnavailable) -> None:
        self._stop(trouble)
        self._socket.abort()

    def _stop(self, trouble: NatsUnavailable) -> None:
        if self.ended.done():
            return
        self.ended.set_result(trouble)
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if not self._greeting.done():
            self._greeting.set_result(trouble)
        while self._pongs:
            self._pongs.popleft()(trouble)

    def _lose(self, error: BaseException | None) -> None:
        self._stop(self._explain(error or ConnectionAbortedError("it has ended the connection")))

    def _explain(self, error: BaseException) -> NatsUnavailable:
        if self._complaint is not None:
            return self._complaint
        # With TLS 1.3 a node judges the certificate after the handshake, and its alert may be lost.
        is_judged = self._is_secured and self.info.tls_verify and not self._is_greeted
        if is_judged and isinstance(error, ConnectionError):
            return explain_missing_certificate(self.server)
        return explain_failure(self.server, error)

    # What the socket, the heartbeat and the parser call.

    def _feed(self, data: bytes) -> None:
        if self._heartbeat is not None:
            self._heartbeat.heard_at = time.monotonic()
        was_behind = self._parser.is_behind
        self._parse(data)
        if self._parser.is_behind and not was_behind:
            self._socket.pause_reading()
            self._go_on_soon()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except NatsProtocolError as error:
            self.abort(f"{self.server} does not speak NATS: it has sent {error}", "check the port")

    def _go_on_soon(self) -> None:
        """Hand out more of what has come, once those have had their turn who have got something."""
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self.ended.done():
            return
        self._parse(b"")
        if self._parser.is_behind:
            self._go_on_soon()
        else:
            self._socket.resume_reading()

    def _resume(self) -> None:
        if self._is_greeted:
            self._user.link_writable()

    def _beat(self) -> None:
        if self._asked is None:
            self._asked = time.monotonic()
            self._pongs.append(self._beaten)
            self._user.link_ping(self)

    def _beaten(self, trouble: Outcome) -> None:
        if trouble is None and self._asked is not None:
            self.round_trip = time.monotonic() - self._asked
        self._asked = None

    def _give_up(self) -> None:
        seconds = SILENT_BEATS * self._options.ping_interval
        self.abort(f"{self.server} has said nothing for {seconds:g} seconds")

    def received_info(self, text: bytes) -> None:
        before, self.info = self.info, read_info(text, str(self.server))
        if not self._greeting.done():
            self._greeting.set_result(None)
        elif self._is_greeted and not self.info.about_connection:
            self._user.link_info(self, before)

    def received_ping(self) -> None:
        self._socket.write(nats_commands.PONG)

    def received_pong(self) -> None:
        self._complaint = None  # it was no reason to end the link
        if self._pongs:
            self._pongs.popleft()(None)

    def received_error(self, text: str) -> None:
        denial = explain_denial(text)
        if denial is not None:
            self._user.link_denied(denial)
            return
        self._complaint = explain_complaint(self.server, text)
        if self._is_greeted:  # else whoever opens the link is told
            self._notices.warn(text[:100], "%s", self._complaint)


def _refuse_message(
    subject: bytes, number: int, reply: bytes, headers: bytes, payload: bytes
) -> None:
    raise NatsProtocolError("a message before the greeting")


def answer_ping(pong: asyncio.Future[Outcome], outcome: Outcome) -> None:
    """Say how it went to whoever still waits for a PONG."""
    if not pong.done():
        pong.set_result(outcome)


async def _outcome(future: asyncio.Future[Outcome]) -> None:
    trouble = await future
    if trouble is not None:
        raise trouble
