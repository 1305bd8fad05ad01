"""``python -m channels_bridge.groups.grpc.process.fork_relay``: gRPC for a forked process.

It is told on stdin where the hub is, and then copies batches from stdin to the hub and from the hub
to stdout, until either of them ends. ``fork_stream`` starts it.
"""

from __future__ import annotations

import asyncio
import pickle
import sys

from channels_bridge.groups.grpc.process.fork_stream import read_batch, write_batch
from channels_bridge.groups.grpc.stream import GrpcStream, Stream


async def relay() -> None:
    """Connect stdin and stdout to the hub."""
    reader, writer = await _pipes()
    hub = await read_batch(reader)
    if hub is None:
        return
    stream = GrpcStream(*pickle.loads(hub))
    ways = [
        asyncio.create_task(_to_hub(reader, stream)),
        asyncio.create_task(_from_hub(stream, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        await stream.aclose()


async def _to_hub(reader: asyncio.StreamReader, stream: Stream) -> None:
    while (batch := await read_batch(reader)) is not None:
        await stream.send(batch)


async def _from_hub(stream: Stream, writer: asyncio.StreamWriter) -> None:
    while (batch := await stream.receive()) is not None:
        await write_batch(writer, batch)


async def _pipes() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, sys.stdin)
    transport, flow = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), sys.stdout
    )
    return reader, asyncio.StreamWriter(transport, flow, reader, loop)


if __name__ == "__main__":
    asyncio.run(relay())
