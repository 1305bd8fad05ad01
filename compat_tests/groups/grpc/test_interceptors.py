"""Whoever instruments gRPC in this process: the hub's streams go on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc.aio
import pytest

from channels_bridge.groups.grpc.hub import hub
from channels_bridge.groups.grpc.stream import pristine
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import serving, soon


class Iterating(grpc.aio.ServerInterceptor):
    """Reads and writes by iterators of its own, as those that trace or count do."""

    def __init__(self) -> None:
        self.seen = 0

    async def intercept_service(self, continuation, details):
        """Count the requests of each stream on their way to its handler."""
        handler = await continuation(details)

        async def stream_stream(requests, context):
            async for answer in handler.stream_stream(self._counted(requests), context):
                yield answer

        return grpc.stream_stream_rpc_method_handler(stream_stream)

    async def _counted(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            self.seen += 1
            yield request


async def say_something(address: str) -> None:
    """Use a layer to the full: a message to a group, and one to a channel."""
    layer = GrpcChannelLayer(address=address)
    channel = await soon(layer.new_channel())
    await soon(layer.group_add("room", channel))
    await soon(layer.group_send("room", {"type": "room.message"}))
    await soon(layer.send(channel, {"type": "last"}))
    assert (await soon(layer.receive(channel)))["type"] == "room.message"
    assert (await soon(layer.receive(channel)))["type"] == "last"
    await soon(layer.close())


async def test_interceptors_of_the_hub(socket_dir, monkeypatch):
    """An interceptor that iterates over requests and answers changes nothing."""
    interceptor = Iterating()

    def patched(name):
        return lambda **options: pristine(name)(interceptors=[interceptor], **options)

    monkeypatch.setattr(hub, "pristine", patched)
    address = f"unix:{socket_dir}/groups.sock"
    async with serving(address):
        await say_something(address)
    assert interceptor.seen > 1


async def test_what_a_project_patches(socket_dir, monkeypatch):
    """What is put in place of gRPC's functions gets nothing to do with groups."""
    for name in ("server", "insecure_channel", "secure_channel"):
        monkeypatch.setattr(grpc.aio, name, lambda *_, **__: pytest.fail("it was called"))
    address = f"unix:{socket_dir}/groups.sock"
    async with serving(address):
        await say_something(address)
