"""A stream of batches between a process and the hub: all that the rest needs of gRPC."""

import asyncio
from typing import Any, Protocol

import grpc
import grpc.aio

from channels_bridge.groups.address import Address

__all__ = ["EOF", "METHOD", "OPTIONS", "SERVICE", "GrpcStream", "Stream", "StreamBroken"]

SERVICE = "channels_bridge.groups.v1.Groups"
METHOD = "Connect"

OPTIONS: list[tuple[str, int]] = [
    # The layer has its own limit, and a batch may hold several messages of that size.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # The way to the hub never leads through $http_proxy.
    ("grpc.enable_http_proxy", 0),
    # Each attempt to connect is a new one: gRPC's own back-off would come on top of ours.
    ("grpc.use_local_subchannel_pool", 1),
]


# grpc-stubs knows too little of this module.
aio: Any = grpc.aio

# What read() returns at the end of a stream.
EOF = aio.EOF


class StreamBroken(Exception):
    """The stream can't be opened, or has broken. The message says what happened."""


class Stream(Protocol):
    """A connection to the hub."""

    async def send(self, batch: bytes) -> None:
        """Write a batch, waiting while the other side doesn't read. Raises StreamBroken."""

    async def receive(self) -> bytes | None:
        """Read a batch; None when the other side has ended the stream. Raises StreamBroken."""

    async def aclose(self) -> None:
        """Disconnect."""


class GrpcStream:
    """A Stream over gRPC. Connecting begins at once; that it fails shows in ``receive()``."""

    def __init__(self, address: Address) -> None:
        self._channel = aio.insecure_channel(str(address), options=OPTIONS)
        # Without serialisers: batches are bytes already.
        self._call = self._channel.stream_stream(f"/{SERVICE}/{METHOD}")()

    async def send(self, batch: bytes) -> None:
        try:
            await self._call.write(batch)
        except (grpc.RpcError, asyncio.InvalidStateError) as error:
            raise StreamBroken(_reason(error)) from error

    async def receive(self) -> bytes | None:
        try:
            batch = await self._call.read()
        except (grpc.RpcError, asyncio.InvalidStateError) as error:
            raise StreamBroken(_reason(error)) from error
        return None if batch is EOF else bytes(batch)

    async def aclose(self) -> None:
        self._call.cancel()
        await self._channel.close()


def _reason(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return error.details() or error.code().name
    return str(error) or type(error).__name__
