"""Messages of a mebibyte and far more: everywhere where small ones work, and what bounds them."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.exceptions import ChannelFull, MessageTooLarge
from channels_bridge.groups import named_queues
from channels_bridge.groups.grpc.hub.hub_connection import MAX_BATCH
from channels_bridge.groups.grpc.hub.session import MAX_PENDING_BYTES
from channels_bridge.groups.grpc.process.client import MAX_BYTES
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.layer_config import MAX_MESSAGE_SIZE, GrpcConfig, LayerConfig
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer, NatsChannelLayer
from compat_tests.groups.hubs import DEADLINE, serving, soon

MIB = 1024 * 1024


def large(size, **more):
    """A message whose text alone has that many bytes."""
    return {"type": "large", "text": "x" * size, **more}


async def test_any_layer(make_layer):
    """What people send is taken without an option: to a group, a channel and a named channel."""
    layer = make_layer()
    channels = [await layer.new_channel()]
    if not isinstance(layer, NatsChannelLayer):  # a named channel there takes what a node takes
        channels.append("worker")
    for channel in channels:
        await layer.group_add("room", channel)
        for size in (MIB, 16 * MIB):
            await soon(layer.send(channel, large(size)))
            assert await soon(layer.receive(channel)) == large(size)
            await soon(layer.group_send("room", large(size, nested=[{"data": b"y" * MIB}])))
            assert (await soon(layer.receive(channel)))["nested"] == [{"data": b"y" * MIB}]
        await layer.group_discard("room", channel)


async def test_hub_killed_meanwhile(hub, make_grpc_layer):
    """Those that a killed hub had, and more than may be queued, arrive once and in order."""
    home_loop.claim()
    sender, receiver = (make_grpc_layer(timeout=DEADLINE) for _ in range(2))
    channel = await receiver.new_channel()
    await receiver.group_add("room", channel)

    async def send():
        for number in range(40):
            await sender.group_send("room", large(MIB, number=number))

    sending = asyncio.create_task(send())
    numbers = [(await soon(receiver.receive(channel)))["number"] for _ in range(3)]
    hub.kill()
    await asyncio.to_thread(hub.start)
    numbers += [(await soon(receiver.receive(channel)))["number"] for _ in range(37)]
    await soon(sending)
    assert numbers == list(range(40))


async def test_other_process(address):
    """They cross processes in the order sent, among small ones."""
    async with serving(address):
        sender, receiver = (GrpcChannelLayer(address=address, timeout=DEADLINE) for _ in range(2))
        channel = await soon(receiver.new_channel())
        await receiver.group_add("room", channel)
        sizes = [1, MIB, 2, 17 * MIB, 3, MAX_MESSAGE_SIZE - 100, 4]
        for size in sizes:
            await soon(sender.group_send("room", large(size)))
        assert [len((await soon(receiver.receive(channel)))["text"]) for _ in sizes] == sizes
        await sender.close()
        await receiver.close()


async def test_other_layer(make_linked_layer):
    """They cross processes in the order sent, where nodes take small messages only, too."""
    sender, receiver = make_linked_layer(), make_linked_layer()
    channel = await soon(receiver.new_channel())
    await receiver.group_add("room", channel)
    sizes = [1, MIB, 2, 17 * MIB, 3, MAX_MESSAGE_SIZE - 100, 4]
    for size in sizes:
        await soon(sender.group_send("room", large(size)))
    assert [len((await soon(receiver.receive(channel)))["text"]) for _ in sizes] == sizes


async def test_bytes_of_a_queue(monkeypatch):
    """A channel that nobody reads is full after so many bytes, and has room once it is read."""
    monkeypatch.setattr(named_queues, "MAX_BYTES", 3000)
    layer = LocalChannelLayer()
    for _ in range(2):
        for _ in range(3):
            await layer.send("worker", large(1200))
        with pytest.raises(ChannelFull):
            await layer.send("worker", large(1))
        for _ in range(3):
            await layer.receive("worker")
    await layer.close()


async def test_limit():
    """What is larger still is refused where it is sent."""
    with pytest.raises(MessageTooLarge, match="max_message_size of 33554432 bytes"):
        await LocalChannelLayer().group_send("room", large(MAX_MESSAGE_SIZE))


def test_bounds():
    """One message of the largest size always goes, and many senders cut off no slow process."""
    assert LayerConfig().max_message_size == GrpcConfig().max_message_size == MAX_MESSAGE_SIZE
    assert MAX_BATCH > MAX_MESSAGE_SIZE + MIB
    assert MAX_PENDING_BYTES >= 10 * (MAX_BYTES + MAX_MESSAGE_SIZE)
    assert named_queues.MAX_BYTES > LayerConfig().capacity * MIB
