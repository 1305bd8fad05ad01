"""Sending from threads that have no event loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import signal
import threading

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async

from channels_bridge.exceptions import ChannelFull
from channels_bridge.groups.home import home_loop, sync_calls
from channels_bridge.server.websocket.inbox import Inbox
from compat_tests.groups.hubs import soon

HELLO = {"type": "hello"}


def test_sent_before_it_is_awaited(make_layer):
    """Without an event loop, a message is sent when ``group_send`` returns."""
    layer = make_layer()
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)("room", channel)
    sending = layer.group_send("room", HELLO)
    assert async_to_sync(layer.receive)(channel) == HELLO
    assert asyncio.run(sending) is None


def test_errors_come_when_it_is_awaited(make_layer):
    """What went wrong without an event loop is raised where the coroutine is awaited."""
    layer = make_layer(capacity=1)
    asyncio.run(layer.send("worker", HELLO))
    for sending in [layer.send("worker", HELLO), layer.send_many(["worker"], HELLO)]:
        with pytest.raises(ChannelFull):
            asyncio.run(sending)
    with pytest.raises(TypeError, match="room"):
        asyncio.run(layer.group_send_many("room", HELLO))


async def test_sent_when_it_is_awaited(make_layer):
    """On an event loop, ``group_send`` is an ordinary coroutine function."""
    layer = make_layer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    assert iscoroutinefunction(layer.group_send)
    second = layer.group_send("room", {"number": 2})
    await layer.group_send("room", {"number": 1})
    await second
    assert [await soon(layer.receive(channel)) for _ in range(2)] == [{"number": 1}, {"number": 2}]


async def test_threads_of_a_worker(make_layer):
    """In a thread of a server's worker, whose loop is home, the message waits for that loop."""
    home_loop.claim()
    layer = make_layer()
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    await layer.group_add("room", channel)
    sending = await sync_to_async(lambda: layer.group_send("room", HELLO))()
    await layer.group_send("room", {"type": "first"})
    await sending
    assert [(await soon(inbox.get()))["type"] for _ in range(2)] == ["first", "hello"]


def test_begun_here_and_finished_at_home():
    """What needs no loop is done by the thread that calls; the rest at home, in its context."""
    variable = contextvars.ContextVar("variable", default="")

    async def act() -> tuple[threading.Thread, threading.Thread, str]:
        first = threading.current_thread()
        await asyncio.sleep(0)
        await home_loop.go_home()
        await asyncio.sleep(0.001)
        return first, threading.current_thread(), variable.get()

    variable.set("mine")
    first, second, value = sync_calls.finish(act())
    assert first is threading.current_thread()
    assert second.name == "channels_bridge.groups"
    assert value == "mine"


@pytest.mark.parametrize("goes_home", [False, True])
def test_errors_of_both_halves(goes_home):
    """They are raised in the caller's thread."""

    async def fail() -> None:
        if goes_home:
            await home_loop.go_home()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sync_calls.finish(fail())


@pytest.mark.parametrize("interrupt_by", [KeyboardInterrupt, RuntimeError])
def test_interrupted_while_it_waits(interrupt_by, caplog):
    """What has gone home is finished there, whatever becomes of who waits for it."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    async def act() -> None:
        await home_loop.go_home()
        begun.set()
        await asyncio.to_thread(go_on.wait, 30)
        done.set()

    def interrupt(*_: object) -> None:
        raise interrupt_by

    def interrupt_main() -> None:
        begun.wait(30)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=interrupt_main)
    thread.start()
    try:
        with pytest.raises(interrupt_by):
            sync_calls.finish(act())
    finally:
        signal.signal(signal.SIGUSR1, before)
        thread.join()
    go_on.set()
    assert done.wait(30)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), home_loop.loop()).result(30)
    gc.collect()
    assert caplog.text == ""
