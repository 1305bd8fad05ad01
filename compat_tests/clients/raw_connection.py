"""Connections that carry any bytes, on TCP and on unix sockets alike."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import struct
from collections.abc import Coroutine
from typing import Any

DEADLINE = 30  # seconds that a test waits for what must happen


def open_socket(address: str, timeout: float = DEADLINE) -> socket.socket:
    """Connect to ``host:port`` or ``unix:/path``."""
    host, _, port = address.rpartition(":")
    if host != "unix":
        return socket.create_connection((host.strip("[]"), int(port)), timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(port)
    except OSError:
        connection.close()
        raise
    return connection


def open_http(
    address: str, timeout: float = DEADLINE
) -> contextlib.closing[http.client.HTTPConnection]:
    """A connection for several HTTP requests, to be used in a ``with`` statement."""
    client = http.client.HTTPConnection("localhost", timeout=timeout)
    client.sock = open_socket(address, timeout)
    return contextlib.closing(client)


def reset_when_closed(sock: socket.socket) -> None:
    """Have the end of a TCP connection be a reset (RST), as where a machine is switched off."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class RawConnection:
    """One connection. Nothing is sent or read but what it is told.

    Args:
        address: ``host:port`` or ``unix:/path``.
        deadline: seconds to connect and for each answer; None for as long as it takes.

    Raises:
        asyncio.TimeoutError: that takes longer, from ``open()`` and each method that reads.
    """

    def __init__(self, address: str, deadline: float | None = DEADLINE) -> None:
        self._address = address
        self._deadline = deadline
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> RawConnection:
        """Connect; ``async with`` does so, too, and closes at its end."""
        host, _, port = self._address.rpartition(":")
        if host == "unix":
            opening = asyncio.open_unix_connection(port)
        else:
            opening = asyncio.open_connection(host, int(port))
        self._reader, self._writer = await asyncio.wait_for(opening, self._deadline)
        return self

    async def close(self) -> None:
        """End the connection, and wait until that is done."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> RawConnection:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def write(self, data: bytes) -> None:
        """Send bytes, as soon as the server takes them."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the system has taken nearly all of them."""
        await self._writer.drain()

    async def request(self, data: bytes, until: bytes | None = None) -> bytes:
        """Send bytes, and read until others come, or else to the end of the connection."""
        self.write(data)
        return await (self.read_until(until) if until else self.read())

    async def read(self) -> bytes:
        """All that comes until the server ends the connection."""
        return await self._soon(self._reader.read())

    async def read_some(self) -> bytes:
        """What has come, or comes next; nothing at the end of the connection."""
        return await self._soon(self._reader.read(2**16))

    async def read_exactly(self, count: int) -> bytes:
        """So many bytes; ``asyncio.IncompleteReadError`` if the connection ends before."""
        return await self._soon(self._reader.readexactly(count))

    async def read_until(self, end: bytes) -> bytes:
        """All until these bytes, and them; ``asyncio.IncompleteReadError`` if they don't come."""
        return await self._soon(self._reader.readuntil(end))

    async def _soon(self, reading: Coroutine[Any, Any, bytes]) -> bytes:
        return await asyncio.wait_for(reading, self._deadline)

    def write_eof(self) -> None:
        """Send nothing more, but go on reading."""
        self._writer.write_eof()

    def abort(self) -> None:
        """End the connection at once, without what waits to be sent."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """End it at once, with a reset on TCP."""
        reset_when_closed(self._writer.get_extra_info("socket"))
        self.abort()
