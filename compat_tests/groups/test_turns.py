"""The cost of a layer to its event loop, in one process, beside InMemoryChannelLayer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import BaseChannelLayer, channel_layers
from django.test import override_settings

from channels_bridge.layers import GrpcChannelLayer, InMemoryChannelLayer, LocalChannelLayer
from compat_tests.groups.hubs import soon, until

HELLO = {"type": "hello"}


def make_isolated() -> BaseChannelLayer:
    """A layer over gRPC of the settings, in a process that runs tests."""
    return channel_layers["default"]


async def make_alone(address: str) -> GrpcChannelLayer:
    """A layer over gRPC that has found out that there is no hub."""
    layer = GrpcChannelLayer(address=address)
    await layer.new_channel()
    return layer


@pytest.fixture(params=["local", "isolated", "alone"])
async def layer(request, address):
    """A layer whose process has no others."""
    backend = {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}
    with override_settings(CHANNEL_LAYERS={"default": backend}):
        if request.param == "alone":
            layer = await make_alone(address)
        else:
            layer = LocalChannelLayer() if request.param == "local" else make_isolated()
        yield layer
        await layer.close()


async def turns(awaitable: Awaitable[Any]) -> tuple[int, Any]:
    """How often others run on the event loop before it is done, and what it returns."""
    task = asyncio.ensure_future(awaitable)
    count = 0
    while not task.done():
        await asyncio.sleep(0)
        count += 1
        assert count < 1000, "it waits for another thread"
    return count, task.result()


async def all_turns(layer):
    """The turns of each method, called as consumers and their tests do."""
    found = {}
    found["new_channel"], one = await turns(layer.new_channel())
    found["new_channel again"], two = await turns(layer.new_channel())
    found["group_add"], _ = await turns(layer.group_add("room", one))
    found["group_add again"], _ = await turns(layer.group_add("room", two))
    found["send"], _ = await turns(layer.send(one, HELLO))
    found["receive"], message = await turns(layer.receive(one))
    assert message == HELLO
    found["group_send"], _ = await turns(layer.group_send("room", HELLO))
    found["group_send to nobody"], _ = await turns(layer.group_send("nobody", HELLO))
    for channel in (one, two):
        assert await layer.receive(channel) == HELLO
    for name, send in (
        ("send", layer.send(one, HELLO)),
        ("group", layer.group_send("room", HELLO)),
    ):
        receiving = asyncio.ensure_future(layer.receive(one))
        await asyncio.sleep(0)
        await send
        found[f"{name} wakes"], _ = await turns(receiving)
    found["group_discard"], _ = await turns(layer.group_discard("room", one))
    found["flush"], _ = await turns(layer.flush())
    return found


async def test_turns(layer):
    """No method lets others run more often than InMemoryChannelLayer's does."""
    expected = await all_turns(InMemoryChannelLayer())
    found = await all_turns(layer)
    assert {name: count for name, count in found.items() if count > expected[name]} == {}


async def test_a_fast_sender_leaves_receivers_time(layer):
    """A loop that sends to a group doesn't overrun a member that keeps up, as in memory."""
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    got = []

    async def receive() -> None:
        while len(got) < 500:
            got.append((await layer.receive(channel))["number"])

    receiving = asyncio.create_task(receive())
    for number in range(500):
        await layer.group_send("room", {"type": "hello", "number": number})
    await soon(receiving)
    assert got == list(range(500))


async def test_threads_and_loops(layer):
    """Receivers on loops of their own get what is sent from other threads and loops."""
    got = []

    async def member():
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        joined.release()
        for _ in range(100):
            got.append(await layer.receive(channel))

    joined = threading.Semaphore(0)
    members = [threading.Thread(target=asyncio.run, args=[member()]) for _ in range(4)]
    for thread in members:
        thread.start()
    for _ in members:
        assert await asyncio.to_thread(joined.acquire, timeout=60)

    def send() -> None:
        for _ in range(25):
            async_to_sync(layer.group_send)("room", HELLO)

    await soon(asyncio.gather(*(asyncio.to_thread(send) for _ in range(4))))
    await until(lambda: not any(thread.is_alive() for thread in members))
    assert got == [HELLO] * 400
    assert layer.messages_dropped == 0


async def test_loops_that_have_gone(layer):
    """A receiver whose loop was closed under it keeps no message from those who come later."""
    channel = await layer.new_channel()

    def leave() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(layer.receive(channel))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        task._log_destroy_pending = False  # that is what is tested

    await sync_to_async(leave, thread_sensitive=False)()
    await layer.send(channel, HELLO)
    assert await soon(layer.receive(channel)) == HELLO


@pytest.mark.parametrize("layer", ["local", "isolated"], indirect=True)
async def test_any_name(layer):
    """Where nothing leaves the process a channel may have any name, as in memory."""
    for name in ("specific.abc!def", "worker"):
        await layer.group_add("room", name)
        await layer.group_send("room", HELLO)
        await layer.send(name, {"type": "second"})
        assert [(await soon(layer.receive(name)))["type"] for _ in range(2)] == ["hello", "second"]
        await layer.group_discard("room", name)
