"""A connection's sender that puts the protocol's headers before what is sent.

It stands where the plain ``Sender`` stood, below the application and all its middlewares: they see
messages as their authors have made them, and whatever comes from them has a header.

A frame's header says whether it is the last one of its entry, which nobody knows before the handler
has returned. So a handler's latest frame is *held* until then; where the handler takes its time,
until the end of the loop's round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol

from websockets.extensions.permessage_deflate import PerMessageDeflate

from channels_bridge.resume.open_entry import OpenEntry, current
from channels_bridge.resume.pulse import Gathering, Pulse
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.frames import Payload, payload_of
from channels_bridge.server.websocket.sender import Outbox, Sender


class Session(Protocol):
    """What a sender tells of a connection's life."""

    def opened(self) -> None:
        """The handshake is accepted: what is sent now is the first message."""

    def closing(self) -> None:
        """A close frame follows."""

    def ended(self) -> None:
        """Nothing can be sent any more."""


class TaggingSender(Sender):
    """Sends messages with their headers.

    Args:
        connection: whose sender it is to be; it is not accepted yet.
        session: is told of the connection's life.
        pulse: of the worker; releases what is held.

    Attributes:
        is_silent: whether nothing has been written since somebody has set it to True.
    """

    __slots__ = ("_held", "_round_end", "_soon", "session", "is_silent")

    def __init__(self, connection: WebSocketConnection, session: Session, pulse: Pulse) -> None:
        super().__init__(connection.writer, connection.inbox, connection.context)
        self.session: Session | None = session
        self._round_end = pulse.round_end
        self._soon = pulse.soon
        #: An entry, the index of a frame of it, and that frame.
        self._held: tuple[OpenEntry, int, Payload] | None = None
        self.is_silent = False

    def start(self, deflate: PerMessageDeflate | None) -> None:
        super().start(deflate)
        if self.session is not None:
            self.session.opened()

    def stop(self) -> None:
        super().stop()
        self._held = None
        session, self.session = self.session, None
        if session is not None:
            session.ended()

    @property
    def is_open(self) -> bool:
        """Whether the connection is accepted, and not over."""
        return self._is_open

    @property
    def is_full(self) -> bool:
        """Whether the client reads too slowly to be told what can wait."""
        return self._writer.is_full

    # What the application sends

    def send(self, message: Event) -> None:
        payload, entry = payload_of(message), current.get()
        if entry is None or entry.is_done or entry.owner is not self:
            self._send_direct(payload, more=self._inbox.waiting > 0)
        else:
            self._hold(entry, payload, self._round_end)

    def send_now(self, payload: Payload) -> bool:
        if self._writer.is_full or not self._is_open:
            return False
        self._send_direct(payload, more=True)
        return True

    def send_tagged(self, payload: Payload) -> bool:
        """Do the same with what has its header already."""
        if self._writer.is_full or not self._is_open:
            return False
        self.release()
        self._write(payload, more=True)
        return True

    def _put(self, outbox: Outbox, message: Event) -> bool:
        """In another thread: note whose message it is, which the loop can't see."""
        if message["type"] != "websocket.send" or not self._is_open or self._writer.is_full:
            return False
        return outbox.put(_attributed(payload_of(message), current.get()))

    def _send_late(self, payload: Payload, more: bool) -> None:
        if self._is_open:
            entry: OpenEntry | None = getattr(payload, "entry", None)
            if entry is None or entry.is_done or entry.owner is not self:
                self._send_direct(payload, more=more or self._inbox.waiting > 0)
            else:
                self._hold(entry, payload, self._soon)

    def flush(self) -> None:
        super().flush()
        if self.session is not None:
            self.session.closing()
        self.release()

    def announce(self, text: str) -> None:
        """Send a control message, behind all that was sent before it."""
        super().flush()
        self.release()
        self.is_silent = False
        # Not through the cache, which would forget what a group's members share.
        frame = self._context.frames.build(text, self._deflate)
        self._writer.write(frame, more=True)

    # Frames and their headers

    def _send_direct(self, payload: Payload, *, more: bool) -> None:
        self.release()
        self._write(join(";", payload), more=more)

    def _hold(self, entry: OpenEntry, payload: Payload, until: Gathering) -> None:
        index = entry.frames
        entry.frames = index + 1
        if index < entry.skip:
            return  # the client has it
        if isinstance(payload, str) and not payload.isascii():
            payload.encode()  # an error is the handler's, who is gone when the frame is built
        if self._held is not None:
            self.release()
        self._held = entry, index, payload
        until.add(self)

    def release(self) -> None:
        """Write what is held as one of several frames: more may follow."""
        if self._held is not None and self._is_open:
            (entry, index, payload), self._held = self._held, None
            header = f"{entry.place.tag}:{entry.entry.offset}.{index};"
            self._write(join(header, payload), more=True)

    def finish(self, entry: OpenEntry) -> bool:
        """The handler has returned. Returns whether the client knows it by its last frame."""
        if self._outbox is not None:
            super().flush()  # what its thread has sent
        entry.is_done = True
        held = self._held
        if held is None or held[0] is not entry or not self._is_open:
            return False
        self._held = None
        header = f"{entry.place.tag}:{entry.entry.offset};"
        self._write(join(header, held[2]), more=self._inbox.waiting > 0)
        return True

    def _write(self, payload: Payload, *, more: bool) -> None:
        self.is_silent = False
        self._send(payload, more=more)


class _Text(str):
    """A text of another thread, with the entry that it belongs to."""

    __slots__ = ("entry",)

    entry: OpenEntry


class _Data(bytes):
    """Bytes of another thread, with the entry that they belong to."""

    entry: OpenEntry  # no slots: bytes can't have any


def _attributed(payload: Payload, entry: OpenEntry | None) -> Payload:
    if entry is None or entry.is_done:
        return payload
    attributed = _Text(payload) if isinstance(payload, str) else _Data(payload)
    attributed.entry = entry
    return attributed


def join(header: str, payload: Payload) -> Payload:
    """Put a header before a payload, which stays text or binary."""
    if isinstance(payload, str):
        return header + payload
    return _ascii(header) + payload


_ascii: Callable[[str], bytes] = functools.lru_cache(maxsize=64)(lambda header: header.encode())
