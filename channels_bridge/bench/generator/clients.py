"""The WebSocket clients of the load generator."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from channels_bridge.bench.generator.browser_deflate import OFFER, TAIL, Compress, agreed

#: Connections that are being opened.
AT_A_TIME = 20
HANDSHAKE_SECONDS = 30.0
CLOSE_SECONDS = 10.0
DATA = {WSMsgType.TEXT, WSMsgType.BINARY}


@dataclass(frozen=True)
class Target:
    """The address of a connection, and what is sent with the request for it."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    deflate: bool = False

    async def open(self, client: Client) -> bool:
        """Connect; return whether the connection was accepted."""
        # As browsers send it: AllowedHostsOriginValidator would refuse a connection without.
        host = f"127.0.0.1:{self.port}"
        headers = [("Origin", f"http://{host}"), *self.headers]
        if self.deflate:
            headers.append(OFFER)
        try:
            await ws_connect(
                lambda: client,
                f"ws://{host}{self.path}",
                extra_headers=headers,
                websocket_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (WSError, OSError, asyncio.TimeoutError):
            return False
        return True


class Client(WSListener):
    """One connection."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None  # while it is open
        self._compress: Compress | None = None  # where that was agreed on
        self._inflate: Callable[[bytes], bytes] | None = None  # from the first compressed message

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Called by picows once the connection was accepted."""
        self.transport = transport
        self._compress = agreed(transport.response.headers.get(OFFER[0]))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Called by picows at the end of the connection, whoever ended it."""
        self.transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Called by picows for each frame; it answers pings by itself."""
        if frame.msg_type in DATA:
            payload = frame.get_payload_as_bytes()
            self.receive(self.inflate(payload) if frame.rsv1 else payload)

    def inflate(self, payload: bytes) -> bytes:
        """Decompress one message of one frame, with or without context takeover."""
        if self._inflate is None:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS).decompress
        return self._inflate(payload + TAIL)

    def receive(self, payload: bytes) -> None:
        """Take a message, or the first frame of one."""

    def send(self, text: str) -> None:
        """Send a message; do nothing once the connection is closed."""
        if self.transport is None:
            return
        if self._compress is None:
            self.transport.send(WSMsgType.TEXT, text.encode())
        else:
            self.transport.send(WSMsgType.TEXT, self._compress(text.encode()), rsv1=True)

    def stall(self) -> None:
        """Read no more."""
        if self.transport is not None:
            # The kernel takes what its buffers hold, and from then on the server cannot write.
            self.transport.underlying_transport.pause_reading()


@asynccontextmanager
async def connected(pairs: Iterable[tuple[Client, Target]]) -> AsyncIterator[None]:
    """Keep clients connected, those that are accepted, until the end of the block."""
    clients = list(pairs)
    await open_all(clients)
    try:
        yield
    finally:
        await close_all([client for client, _ in clients])


async def open_all(pairs: Iterable[tuple[Client, Target]]) -> None:
    """Open connections, ``AT_A_TIME`` of them at once."""
    waiting = iter(list(pairs))

    async def work() -> None:
        for client, target in waiting:
            await target.open(client)

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))


async def close_all(clients: Iterable[Client]) -> None:
    """End connections; it isn't the closing handshake that is measured."""
    transports = [client.transport for client in clients if client.transport is not None]
    for transport in transports:
        transport.disconnect()
    ends = [asyncio.ensure_future(transport.wait_disconnected()) for transport in transports]
    if ends:
        await asyncio.wait(ends, timeout=CLOSE_SECONDS)


def lost(clients: Iterable[Client]) -> int:
    """How many are not connected."""
    return sum(client.transport is None for client in clients)
