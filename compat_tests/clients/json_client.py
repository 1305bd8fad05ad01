"""Clients of ``websockets`` whose messages are JSON, read in the background."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import websockets.asyncio.client
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed


def connect(address: str, path: str = "/", **options: Any) -> websockets.asyncio.client.connect:
    """Open a WebSocket at ``host:port`` or ``unix:/path``: no compression, pings, limits or proxy.

    Args:
        options: of the library; they come before all that.
    """
    options = {
        "compression": None,
        "ping_interval": None,
        "max_size": None,
        "proxy": None,
    } | options
    host, _, port = address.rpartition(":")
    if host == "unix":
        return unix_connect(port, f"ws://localhost{path}", **options)
    return websockets.asyncio.client.connect(f"ws://{address}{path}", **options)


class JsonClient:
    """One connection, which is read until it ends.

    Args:
        connection: just opened.
        hear: takes each message.
        decode: makes a message of what came, or None of what is none.

    Attributes:
        reading: done when the connection has ended.
    """

    def __init__(
        self,
        connection: ClientConnection,
        hear: Callable[[Any], object],
        decode: Callable[[str | bytes], Any] = json.loads,
    ) -> None:
        self.connection = connection
        self._hear = hear
        self._decode = decode
        self._may_read = asyncio.Event()
        self._may_read.set()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._may_read.wait()
                message = self._decode(await self.connection.recv())
                if message is not None:
                    self._hear(message)

    @property
    def is_open(self) -> bool:
        return not self.reading.done()

    @property
    def is_reading(self) -> bool:
        return self._may_read.is_set()

    @property
    def close_code(self) -> int | None:
        """None while it is open; 1006 if it has ended without a close frame."""
        code = self.connection.close_code
        return None if code is None else int(code)  # Python 3.10 writes an enum's name

    async def say(self, content: object) -> None:
        try:
            await self.connection.send(json.dumps(content))
        except AttributeError:
            # The library aborts a transport that has ended by itself once all was written, which
            # asyncio's can't take.
            raise self.connection.protocol.close_exc from None

    def stop_reading(self) -> None:
        """Read nothing from now on, not even pings: what a client does that hangs."""
        self._may_read.clear()
        self.connection.transport.pause_reading()

    def go_on_reading(self) -> None:
        self.connection.transport.resume_reading()
        self._may_read.set()

    def vanish(self) -> None:
        """End the connection without a close frame, as a telephone in a tunnel."""
        self.connection.transport.abort()
