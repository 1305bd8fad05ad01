"""An echo server of bare ``websockets``, for comparison: ``python -m ... MAX_SIZE``."""

from __future__ import annotations

import asyncio
import signal
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def echo(websocket: ServerConnection) -> None:
    """Send each message back, until the client has closed."""
    try:
        async for message in websocket:
            await websocket.send(message)
    except ConnectionClosed:
        pass


async def main(max_size: int) -> None:
    """Serve the echo without pings, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serve(echo, "127.0.0.1", 0, max_size=max_size, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"Listening at 127.0.0.1:{port}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
