"""A worker's event loop that is blocked, and threads that send meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import MessageTooLarge

from channels_bridge.exceptions import LoopBlocked
from channels_bridge.groups.home import handover, home_loop
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
from compat_tests.groups.hubs import DEADLINE, serving, soon

THREADS = 4


def block_until_done(*functions: Callable[[], Any]) -> list[Any]:
    """Run each function in a thread, and block this one until they end. Returns the results."""
    outcomes = {}

    def run(number: int, function: Callable[[], Any]) -> None:
        try:
            outcomes[number] = function()
        except Exception as error:
            outcomes[number] = error

    threads = [
        threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + DEADLINE
    for thread in threads:
        thread.join(deadline - time.monotonic())
    assert not any(thread.is_alive() for thread in threads), "they wait for this loop"
    return [outcomes[number] for number in range(len(functions))]


@pytest.fixture
async def make_grpc_layer(address: str) -> AsyncIterator[Callable[[], GrpcChannelLayer]]:
    """Makes layers over gRPC; the hub's loop is this test's, too."""
    home_loop.claim()
    layers = []

    def make_layer() -> GrpcChannelLayer:
        layers.append(GrpcChannelLayer(address=address))
        return layers[-1]

    async with serving(address):
        yield make_layer
        for layer in layers:
            await layer.close()


@pytest.fixture(params=["local", "grpc"])
async def joined(request, make_grpc_layer):
    """A layer of a worker whose loop is this test's, and a member of "room"."""
    layer = make_grpc_layer() if request.param == "grpc" else LocalChannelLayer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    return layer, channel


async def next_messages(
    layer: BridgeChannelLayer, channel: str, count: int
) -> list[dict[str, Any]]:
    """The next messages of a channel."""
    return [await soon(layer.receive(channel)) for _ in range(count)]


def by_sync(layer: BridgeChannelLayer, sender: int) -> None:
    for number in range(10):
        async_to_sync(layer.group_send)("room", {"type": "t", "sender": sender, "n": number})


def by_many(layer: BridgeChannelLayer, sender: int) -> None:
    """Send ten messages to two groups at a time, of which one is empty."""
    for number in range(10):
        message = {"type": "t", "sender": sender, "n": number}
        async_to_sync(layer.group_send_many)(["room", "empty"], message)


def by_own_loop(layer: BridgeChannelLayer, sender: int) -> None:
    """Send ten messages from an event loop that is new in its thread."""

    async def send() -> None:
        for number in range(10):
            await layer.group_send("room", {"type": "t", "sender": sender, "n": number})

    asyncio.run(send())


@pytest.mark.parametrize("send", [by_sync, by_many, by_own_loop])
async def test_group_send(joined, send):
    """Messages of threads that a blocked loop waits for arrive, each thread's in order."""
    layer, channel = joined
    block_until_done(*(lambda s=s: send(layer, s) for s in range(THREADS)))
    await layer.group_send("room", {"type": "t", "sender": "loop", "n": 0})
    messages = await next_messages(layer, channel, THREADS * 10 + 1)
    for sender in range(THREADS):
        own = [message["n"] for message in messages if message["sender"] == sender]
        assert own == list(range(10))
    assert messages[-1]["sender"] == "loop"
    assert layer.statistics().group_sends == THREADS * 10 * (2 if send is by_many else 1) + 1


async def test_other_processes(make_grpc_layer):
    """They arrive in other processes, too, before what the loop sends afterwards."""
    here, worker = make_grpc_layer(), make_grpc_layer()
    channel = await here.new_channel()
    await here.group_add("room", channel)
    block_until_done(lambda: by_sync(worker, 0))
    await worker.group_send("room", {"type": "t", "n": 10})
    messages = await next_messages(here, channel, 11)
    assert [message["n"] for message in messages] == list(range(11))


@pytest.mark.parametrize("then", ["close", "discard"])
async def test_what_the_loop_does_then(make_grpc_layer, then):
    """What the loop does as soon as it goes on comes after what the threads have sent."""
    here, worker = make_grpc_layer(), make_grpc_layer()
    channel = await here.new_channel()
    await here.group_add("room", channel)
    own = await worker.new_channel()
    await worker.group_add("room", own)
    block_until_done(lambda: by_sync(worker, 0))
    if then == "close":
        await worker.close()
    else:
        await worker.group_discard("room", own)
        assert len(await next_messages(worker, own, 10)) == 10
    assert len(await next_messages(here, channel, 10)) == 10


async def test_errors(joined):
    """What is wrong with a message is raised in the thread that sends it."""
    layer, _ = joined
    message = {"type": "t", "text": "x" * (layer.config.max_message_size + 1)}
    errors = block_until_done(
        lambda: async_to_sync(layer.group_send)("room", message),
        lambda: async_to_sync(layer.group_send)("room", {"type": "t", "what": object()}),
        lambda: async_to_sync(layer.group_send)("not a name", {"type": "t"}),
    )
    assert isinstance(errors[0], MessageTooLarge)
    assert all(isinstance(error, TypeError) for error in errors[1:])


@pytest.mark.parametrize("joined", ["grpc"], indirect=True)
@pytest.mark.parametrize("bound", ["MAX_MESSAGES", "MAX_BYTES"])
async def test_bound(joined, monkeypatch, bound):
    """A thread that sends more than is kept for a blocked loop is told so; the rest arrives."""
    layer, channel = joined
    monkeypatch.setattr(handover, bound, {"MAX_MESSAGES": 3, "MAX_BYTES": 3000}[bound])
    monkeypatch.setattr(home_loop, "BLOCKED_TIMEOUT", 1)

    def send() -> None:
        for number in range(3):
            async_to_sync(layer.group_send)("room", {"type": "t", "n": number, "pad": "x" * 1000})
        async_to_sync(layer.group_send)("room", {"type": "t", "n": "too much", "pad": "x" * 1000})

    (error,) = block_until_done(send)
    assert isinstance(error, LoopBlocked)
    await layer.group_send("room", {"type": "t", "n": "last"})
    messages = await next_messages(layer, channel, 4)
    assert [message["n"] for message in messages] == [0, 1, 2, "last"]


@pytest.mark.parametrize("joined", ["grpc"], indirect=True)
async def test_calls_that_need_an_answer(joined, monkeypatch):
    """Other calls fail with a sentence after a while, and aren't made later."""
    layer, channel = joined
    monkeypatch.setattr(home_loop, "BLOCKED_TIMEOUT", 1)
    errors = block_until_done(
        lambda: async_to_sync(layer.send)(channel, {"type": "never"}),
        lambda: async_to_sync(layer.group_add)("other", channel),
        lambda: async_to_sync(layer.new_channel)(),
    )
    assert all(isinstance(error, LoopBlocked) for error in errors)
    assert "await it there with asyncio.to_thread()" in str(errors[0])
    await layer.group_send("other", {"type": "never"})
    await layer.send(channel, {"type": "last"})
    assert (await soon(layer.receive(channel)))["type"] == "last"
