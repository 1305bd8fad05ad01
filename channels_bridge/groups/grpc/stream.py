"""A bidirectional stream of batches between a process and the hub, and its gRPC options."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Protocol

import grpc
import grpc.aio

from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc.frame_codec import METHOD as METHOD
from channels_bridge.groups.grpc.frame_codec import SERVICE as SERVICE

OPTIONS: dict[str, int] = {
    # The layer has its own limit, and a batch may hold several messages of that size.
    "grpc.max_send_message_length": -1,
    "grpc.max_receive_message_length": -1,
    # The way to the hub never leads through $http_proxy.
    "grpc.enable_http_proxy": 0,
    # Each attempt to connect is a new one: gRPC's own back-off would come on top of ours.
    "grpc.use_local_subchannel_pool": 1,
}


#: How a process shows its token.
AUTHORIZATION = "authorization"

#: What it is told when the hub doesn't know it.
REFUSED = "it refuses the token: `token` must be the same in all processes' CONFIG and at the hub"

#: What gRPC says instead of the hub's words when they come while a write is under way.
OVERTAKEN = "Internal error from Core"

#: A machine that has vanished says nothing; one that is stopped for a while isn't gone. For TCP.
KEEPALIVE: dict[str, int] = {
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 20_000,
}

#: grpc-stubs knows too little of this module.
aio: Any = grpc.aio

#: What read() returns at the end of a stream.
EOF = aio.EOF

#: Where gRPC defines what it offers under ``grpc.aio``.
DEFINED_IN = {
    "insecure_channel": "grpc.aio._channel",
    "secure_channel": "grpc.aio._channel",
    "server": "grpc.aio._server",
}


class StreamBroken(Exception):
    """The stream can't be opened, or has broken. The message says what happened."""


class Stream(Protocol):
    """A connection to the hub."""

    async def send(self, batch: bytes) -> None:
        """Write a batch, waiting while the hub doesn't read. Raises StreamBroken."""

    async def receive(self) -> bytes | None:
        """Read a batch; None when the hub has ended the stream. Raises StreamBroken."""

    async def aclose(self) -> None:
        """Disconnect."""


class GrpcStream:
    """A Stream over gRPC. Connecting begins at once; that it fails shows in ``receive()``."""

    def __init__(self, address: Address, credentials: Credentials) -> None:
        # Also: whoever has made this socket, if not this user, isn't the hub.
        if (trouble := address.find_trouble()) is not None:
            raise StreamBroken(trouble)
        try:
            self._channel = _open_channel(address, credentials)
            metadata = authorization(credentials)
        except ValueError as error:
            raise StreamBroken(str(error)) from error
        # Without serialisers: batches are bytes already.
        self._call = self._channel.stream_stream(f"/{SERVICE}/{METHOD}")(metadata=metadata)

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


def pristine(name: str) -> Any:
    """Return a function of ``grpc.aio`` as gRPC has defined it, without what a project has added.

    OpenTelemetry, Sentry and others replace those functions, to trace a project's own calls. The
    stream to the hub is none of them: it lasts as long as its process.
    """
    return getattr(sys.modules.get(DEFINED_IN[name]), name, getattr(aio, name))


def authorization(credentials: Credentials) -> list[tuple[str, str]]:
    """Return the metadata by which a process shows its token. Raises ValueError."""
    token = credentials.read_token()
    return [(AUTHORIZATION, f"Bearer {token}")] if token else []


def _open_channel(address: Address, credentials: Credentials) -> Any:
    if address.path is not None or not credentials.uses_tls:
        return pristine("insecure_channel")(str(address), options=list(OPTIONS.items()))
    shown = grpc.ssl_channel_credentials(
        credentials.read("ca_file"),
        credentials.read("client_key_file"),
        credentials.read("client_cert_file"),
    )
    options = [*OPTIONS.items(), *KEEPALIVE.items()]
    return pristine("secure_channel")(str(address), shown, options=options)


def _reason(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return "it speaks another version of the protocol: use the same release for both"
        return error.details() or error.code().name
    return str(error) or type(error).__name__
