"""One connection at the hub: how long it may take, what is told at its end, and what is refused."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.grpc.call_protocol import CallProtocol
from channels_bridge.groups.grpc.http2.call_headers import OK
from channels_bridge.groups.grpc.http2.http2_frames import Violation
from channels_bridge.groups.grpc.http2.server_call import ServerCall

logger = logging.getLogger("channels_bridge.groups")

#: The longest batch that the hub reads, in bytes: room for a message of the largest size beside
#: others, and for the groups that a process names when it connects.
MAX_BATCH = 64 * 1024 * 1024

#: All that a stranger gets is so long to say that it speaks HTTP/2, and then so long to call, in
#: seconds.
HANDSHAKE_TIMEOUT = 5.0
IDLE_TIMEOUT = 10.0

#: How long a process may take to read the end of its call, in seconds.
LINGER = 1.0

_notices = Notices(logger)


class Conversation(Protocol):
    """What is told of a connection."""

    def begin(self) -> None:
        """It has become a call."""

    def take(self, batch: bytes) -> None:
        """The process has written a batch."""

    def end(self) -> None:
        """The process will write no more. It may be called again."""


class HubConnection(CallProtocol):
    """A connection, of which a conversation is told.

    Args:
        peer: whose it is, for log lines.
        is_local: whether it is a unix socket.

    Attributes:
        call: what the process has called.
        conversation: who is told of it; set by whoever has made this.
        introduced: set once nothing more is expected of the process, or the connection is gone.
        closed: set once the connection is gone.
    """

    conversation: Conversation

    def __init__(self, peer: str, *, is_local: bool) -> None:
        self.call = ServerCall(MAX_BATCH)
        super().__init__(self.call, has_keepalive=not is_local)
        self.peer = peer
        self.introduced = asyncio.Event()
        self.closed = asyncio.Event()
        self._is_local = is_local
        self._was_greeted = False
        self._has_begun = False
        self._is_ending = False
        self._due: asyncio.TimerHandle | None = None

    def expect(self, seconds: float, status: int = OK, reason: str = "") -> None:
        """End the call like this, unless something else is expected, or nothing, until then."""
        self._stop_waiting()
        self._due = self._loop.call_later(seconds, self.end, status, reason)

    def expect_nothing(self) -> None:
        """The process may take its time from now on."""
        self._stop_waiting()
        self.introduced.set()

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def end(self, status: int = OK, reason: str = "") -> None:
        """End the call, and the connection if the process doesn't do so soon."""
        if self.is_open and not self._is_ending:
            self.call.end(status, reason)
            self._linger()

    def close(self, status: int, reason: str) -> None:
        """End the call, and the connection as soon as that is written."""
        self.end(status, reason)
        # TCP would take back what isn't read yet, if there is more to read here.
        if self._is_local and self._transport is not None and not self._http2.has_unsent:
            self._transport.close()

    def _linger(self) -> None:
        """Leave the end of the connection to the process: it then has read how its call ended."""
        self._is_ending = True
        self.flush()
        # Who is turned away could else go on to keep the hub busy. What is written to a process may
        # wait for it to say that there is room.
        self._is_deaf = not self._http2.has_unsent
        self._stop_waiting()
        if self.is_open:
            self._due = self._loop.call_later(LINGER, self.abort)

    # What has come.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.expect(HANDSHAKE_TIMEOUT)

    def progressed(self) -> None:
        if self._has_begun:
            return
        if self.call.request is not None:
            self._has_begun = True
            self.conversation.begin()
        elif self.call.is_greeted and not self._was_greeted:
            self._was_greeted = True  # whatever else it says, it has no longer
            self.expect(IDLE_TIMEOUT)

    def took(self, message: bytes) -> None:
        if not self.call.is_ended:
            self.conversation.take(message)

    def over(self) -> None:
        self.conversation.end()
        self.end()

    def violated(self, violation: Violation) -> None:
        _notices.warn(
            str(violation), "%s does not speak with the groups hub: %s", self.peer, violation
        )
        self.conversation.end()
        self.call.is_ended = True
        self._linger()

    def lost(self, error: BaseException | None) -> None:
        self.expect_nothing()
        self.conversation.end()
        self.closed.set()
