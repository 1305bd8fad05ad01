"""A transport with the ``websockets`` protocol on it: bytes in both directions, and their room."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, cast

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import Protocol, Side
from websockets.server import ServerProtocol

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.flow_control import Reading, Reason
from channels_bridge.server.websocket.frames import DEFLATE, agreed, deflate_of, make_deflate
from channels_bridge.server.websocket.protocol_logger import quiet_logger
from channels_bridge.server.websocket.writer import NextRound, Writer

_LOGGER = quiet_logger()


class Wire(asyncio.Protocol):
    """What a connection reads from and writes to; it knows no state and no application.

    Args:
        config: how to serve.
        next_round: shared by all wires of a loop.
    """

    # With so many attributes, a dict of them would take 2 KiB for each connection.
    __slots__ = (
        "_deflate",
        "_disconnected",
        "_handshake",
        "_next_round",
        "_protocol",
        "_timer",
        "config",
        "loop",
        "reading",
        "transport",
        "writer",
    )

    def __init__(self, config: ServerConfig, next_round: NextRound) -> None:
        self.config = config
        self._next_round = next_round
        self.loop = asyncio.get_running_loop()
        self._handshake = ServerProtocol(
            extensions=[DEFLATE] if config.compression else None,
            max_size=_size_limits(config),
            logger=_LOGGER,
        )
        self._protocol: Protocol | None = self._handshake
        self._deflate: PerMessageDeflate | None = None  # agreed on in the handshake
        #: Set by connection_made.
        self.transport: asyncio.Transport
        self.writer: Writer
        self.reading: Reading
        self._disconnected = False  # the application was told, and nothing it sends is waited for
        self._timer: asyncio.TimerHandle | None = None  # the deadline of the present state

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.writer = Writer(self.transport, self._next_round)
        self.reading = Reading(self.transport, self._handle, self.config.max_head_size)

    def pause_writing(self) -> None:
        self.writer.pause(self.config.write_timeout, self._write_overdue)
        if self._disconnected:
            self.writer.release()

    def resume_writing(self) -> None:
        self.writer.resume()
        self.reading.release(Reason.ANSWERS)

    def connection_lost(self, exc: Exception | None) -> None:
        self.writer.drop()
        self.reading.end()  # leave no cycles for the garbage collector
        if self._protocol is not None:
            self._protocol.parser_exc = None  # its traceback refers to the protocol, and to this
            self._protocol = None

    # What a connection does with it

    @abstractmethod
    def _handle(self, data: bytes) -> None:
        """Handle what was read, of which there are ``SLICE`` bytes at most."""

    @abstractmethod
    def _write_overdue(self) -> None:
        """The client has read nothing for ``write_timeout``."""

    @property
    def unsent(self) -> int:
        """How many bytes the client has not read, nor the system taken off our hands."""
        return self.writer.unsent

    @property
    def protocol(self) -> Protocol:
        """What speaks for this side. For an open connection it is made when it is needed first, as
        it takes a KiB, and most of them have plain messages only.
        """
        if self._protocol is None:
            self._protocol = Protocol(
                Side.SERVER, max_size=_size_limits(self.config), logger=_LOGGER
            )
            if self._deflate is not None:
                self._protocol.extensions = [make_deflate(agreed(self._deflate))]
        return self._protocol

    def _forget_handshake(self) -> None:
        """Go on without its headers, which take more memory than all that is needed from now on."""
        self._deflate = deflate_of(self._handshake.extensions)
        self._protocol = None
        del self._handshake

    def _flush(self) -> None:
        """Send what the protocol has to say."""
        self.writer.write_all(self.protocol.data_to_send())

    def _set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self.loop.call_later(delay, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _size_limits(config: ServerConfig) -> Any:
    """websockets' ``max_size``; the pair of limits that it takes since 16.0 only where needed."""
    message, frame = config.max_message_size or None, config.max_frame_size or None
    return message if frame is None or (message and frame >= message) else (message, frame)
