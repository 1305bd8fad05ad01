"""Flow control: data is held back, and reading paused, while the application is behind."""

from __future__ import annotations

import asyncio
import enum
from typing import Protocol

#: Bytes handled at a time, but for what belongs to one frame. They may inflate a thousandfold, to
#: 16 MiB.
SLICE = 2**14


class Reason(enum.Enum):
    """Why nothing that a client sends is handled for the moment."""

    DECISION = "the application has not decided on the handshake yet"
    INBOX = "the application has enough to do"
    ANSWERS = "the client does not read the answers to what it sends"


#: Shared, as an empty set of one's own takes 200 bytes.
NOTHING: frozenset[Reason] = frozenset()


class Receiver(Protocol):
    """Who handles what is read."""

    @property
    def left_of_frame(self) -> int:
        """How many of the next bytes belong to a frame that has begun."""

    def receive(self, data: bytes) -> None:
        """Handle data: ``SLICE`` bytes at most, or more of a frame that has begun."""


class _Nobody:
    """The connection is gone: what is still read is dropped."""

    left_of_frame = 0

    def receive(self, data: bytes) -> None:
        pass


_NOBODY = _Nobody()


class Reading:
    """Hands on what is read from a transport, in order, except while there is a reason to wait.

    Whoever is not read has to stop sending: TCP fills its buffers and says so (backpressure).

    While only the decision on the handshake is waited for, reading goes on, so that it shows when
    the client leaves; what a hasty client sends is kept, up to ``limit``. Otherwise the client is
    read no further, and has to wait.

    Args:
        transport: where the bytes come from.
        receiver: handles them. It may ``hold`` what follows. An object rather than a callback,
            which would be a bound method for each connection.
        limit: bytes kept before reading pauses.
    """

    __slots__ = ("_held", "_limit", "_paused", "_reasons", "_receiver", "_transport")

    def __init__(self, transport: asyncio.Transport, receiver: Receiver, limit: int) -> None:
        self._transport = transport
        self._receiver = receiver
        self._limit = limit
        self._held = b""
        self._reasons = NOTHING
        self._paused = False

    def receive(self, data: bytes) -> None:
        """Take what was read."""
        if self._reasons:
            self._held += data
            if len(self._held) > self._limit:  # what is held for the decision is bounded, too
                self._pause()
        elif len(data) <= SLICE:
            self._receiver.receive(data)
        else:
            self._feed(data)

    def hold(self, reason: Reason) -> None:
        """Handle nothing more until ``release``."""
        self._reasons |= {reason}
        if reason is not Reason.DECISION:
            self._pause()

    def release(self, reason: Reason) -> None:
        """Go on, unless there is another reason to wait."""
        if reason not in self._reasons:
            return
        self._reasons = self._reasons - {reason} or NOTHING
        if not self._reasons:
            self._go_on()

    def release_all(self) -> None:
        """Go on, whatever there was to wait for."""
        self._reasons = NOTHING
        self._go_on()

    def is_held(self, reason: Reason) -> bool:
        return reason in self._reasons

    def end(self) -> None:
        """Drop what is kept, and whatever comes: the client has left."""
        self._held = b""
        self._receiver = _NOBODY

    def _go_on(self) -> None:
        if self._transport.is_closing():
            return
        held, self._held = self._held, b""
        self._feed(held)
        if self._paused and not self._reasons:
            self._paused = False
            self._transport.resume_reading()

    def _feed(self, data: bytes) -> None:
        # In slices, as a few compressed bytes may become many messages, and whoever handles the
        # first of them may have enough. One frame makes one message at most.
        start = 0
        while start < len(data):
            if self._reasons:
                self._held = data[start:]
                return
            end = start + max(SLICE, self._receiver.left_of_frame)
            self._receiver.receive(data[start:end])
            start = end

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
