"""The connection of one call on an event loop: flow of what is written, keepalive, and its end."""

from __future__ import annotations

import asyncio
from typing import cast

from channels_bridge.groups.grpc.acknowledgement import is_acknowledged
from channels_bridge.groups.grpc.http2.http2_call import Http2Call
from channels_bridge.groups.grpc.http2.http2_frames import Violation

#: From how many bytes on the socket has enough, and with how many it wants more: with as many as it
#: takes at once, so that it never waits for who writes.
HIGH_WATER = 512 * 1024
LOW_WATER = 256 * 1024

#: How many bytes of acknowledgements may wait for who doesn't read, beside what is written to it.
MAX_UNREAD = 64 * 1024

#: After how long a silence the other side is asked whether it is there, and how long it may take to
#: say so, in seconds. For TCP.
KEEPALIVE = 20.0

#: So many times a process that is stopped or busy may leave that unanswered, while its machine is
#: there. Not for ever: what is between the two may answer for it.
MAX_UNANSWERED = 15


class CallProtocol(asyncio.Protocol):
    """What both ends of a stream do. For those who inherit: the methods that do nothing here.

    Args:
        call: what is said.
        has_keepalive: whether the other side may vanish without a word.
    """

    def __init__(self, call: Http2Call, *, has_keepalive: bool) -> None:
        self._http2 = call
        self._has_keepalive = has_keepalive
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._is_paused = False  # whether the socket has enough
        self._is_deaf = False  # whether what comes is of no interest any more
        self._unread = 0  # how much of acknowledgements there was when it was paused
        self._turn: asyncio.Future[None] | None = None  # of who waits for room
        self._was_heard = True
        self._beating: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._transport is not None

    @property
    def is_blocked(self) -> bool:
        """Whether something waits until the other side reads."""
        return self.is_open and (self._is_paused or self._http2.has_unsent)

    def write(self, message: bytes) -> None:
        """Write a message, or let it wait; see ``is_blocked``."""
        self._http2.send(message)
        self.flush()

    async def room(self) -> None:
        """Wait until nothing waits, it is lost, or somebody is let go. For one task at a time."""
        if self.is_blocked:
            self._turn = self._loop.create_future()
            await self._turn

    def let_go(self) -> None:
        """Let who waits for room go on without."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def flush(self) -> None:
        """Write what may be written."""
        output = self._http2.take_output()
        if output and self._transport is not None and not self._transport.is_closing():
            self._transport.write(output)
        self._wake()

    def abort(self) -> None:
        """End the connection at once, whatever waits."""
        self._is_deaf = True
        if self._transport is not None:
            self._transport.abort()

    # For those who inherit.

    def progressed(self) -> None:
        """Something has come; before its messages are taken."""

    def took(self, message: bytes) -> None:
        """A message has come."""

    def over(self) -> None:
        """The other side has ended the call. It may be called again."""

    def violated(self, violation: Violation) -> None:
        """The other side doesn't keep to the protocol, and has been told so."""

    def lost(self, error: BaseException | None) -> None:
        """The connection is gone; called once."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        if self._has_keepalive:
            self._beating = self._loop.call_later(KEEPALIVE, self._beat, 0)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self._was_heard = True
        if self._is_deaf:
            return
        try:
            messages = self._http2.receive(data)
        except Violation as violation:
            self._is_deaf = True
            self.flush()
            self.violated(violation)
            return
        self.progressed()
        for message in messages:
            self.took(message)
        self.flush()
        if self._is_paused and self._http2.replied - self._unread > MAX_UNREAD:
            self.abort()
        elif self._http2.is_over:
            self.over()

    def eof_received(self) -> None:
        self.abort()  # what was to be said has been said in HTTP/2

    def pause_writing(self) -> None:
        self._is_paused = True
        self._unread = self._http2.replied

    def resume_writing(self) -> None:
        self._is_paused = False
        self._wake()

    def connection_lost(self, error: BaseException | None) -> None:
        if self._beating is not None:
            self._beating.cancel()
        if self._transport is not None:
            # Python 3.10 warns of a TLS transport that its peer has ended, and nobody has closed.
            self._transport.close()
        self._transport = None
        self._wake()
        self.lost(error)

    def _wake(self) -> None:
        if not self.is_blocked:
            self.let_go()

    def _beat(self, asked: int) -> None:
        """Ask who is silent, unless it was asked before and must be gone."""
        asked = 0 if self._was_heard else asked + 1
        if asked > 1 and self._has_vanished(asked):
            self.abort()
            return
        if asked:
            self._http2.ping()
            self.flush()
        self._was_heard = False
        self._beating = self._loop.call_later(KEEPALIVE, self._beat, asked)

    def _has_vanished(self, asked: int) -> bool:
        if self._transport is None or self._transport.is_closing() or asked > MAX_UNANSWERED:
            return True
        return not is_acknowledged(self._transport.get_extra_info("socket"))
