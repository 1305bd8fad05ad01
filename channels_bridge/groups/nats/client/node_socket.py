"""The socket to a node: TCP without delay, TLS from the start or from INFO on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from channels_bridge.common.socket_handover import hand_over
from channels_bridge.common.tcp_connect import connect_tcp

#: From how many bytes on the socket has enough. What waits there can't be taken back.
HIGH_WATER = 256 * 1024


class NodeSocket(asyncio.Protocol):
    """One connection to a node.

    Args:
        on_data: gets what has come.
        on_writable: called when the socket wants more again.
        on_lost: called once, with what has ended it; None for an end of the node's.

    Attributes:
        is_paused: whether the socket has enough.
        lost: done once the connection is over.
    """

    def __init__(
        self,
        on_data: Callable[[bytes], None],
        on_writable: Callable[[], None],
        on_lost: Callable[[BaseException | None], None],
    ) -> None:
        self.is_paused = False
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_data = on_data
        self._on_writable = on_writable
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._written = 0

    async def open(
        self, host: str, port: int, tls: ssl.SSLContext | None, name: str, patience: float
    ) -> None:
        """Connect.

        Args:
            tls: where TLS begins at once.
            name: who the certificate must be for.
            patience: seconds that the host's addresses may take together, each its share.

        Raises:
            OSError: there is no way; ``ssl.SSLError`` is one, too.
        """
        sock = await connect_tcp(host, port, patience)
        await hand_over(sock, lambda: self, ssl=tls, server_hostname=name if tls else None)

    async def start_tls(self, tls: ssl.SSLContext, name: str) -> None:
        """Talk TLS from now on.

        Raises:
            OSError: it doesn't work.
        """
        loop = asyncio.get_running_loop()
        transport = self._transport
        if transport is None:
            raise ConnectionAbortedError("it has ended the connection")
        upgraded = await loop.start_tls(transport, self, tls, server_hostname=name)
        if upgraded is None:
            raise ConnectionAbortedError("it has ended the connection")
        self._use(upgraded)

    def write(self, data: bytes) -> None:
        """Send this, once the socket takes it."""
        if self._transport is not None:
            self._written += len(data)
            self._transport.write(data)

    def get_flow(self) -> tuple[int, int]:
        """How many bytes have left this process so far, and how many wait for that."""
        waiting = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._written - waiting, waiting

    def pause_reading(self) -> None:
        """Read no more for now: the node keeps it, as far as its own limit goes."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def abort(self) -> None:
        """End it at once, whatever waits."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End it once all is written."""
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._use(cast(asyncio.Transport, transport))

    def _use(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._on_data(data)

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self._on_writable()

    def connection_lost(self, error: BaseException | None) -> None:
        if self._transport is not None:
            # Python 3.10 warns of a TLS transport that its peer has ended, and nobody has closed.
            self._transport.close()
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)
            self._on_lost(error)
