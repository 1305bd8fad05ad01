"""Sending without ``async_to_sync``: the same on every layer, in threads and on event loops."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import channel_layers
from django.core.exceptions import ImproperlyConfigured

from channels_bridge import sending
from channels_bridge.exceptions import ChannelsFull, LoopBlocked
from channels_bridge.groups import GroupMessage
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.linked.isolation import using_hub
from channels_bridge.layers import GrpcChannelLayer, get_channel_layer
from channels_bridge.sending import agroup_send, group_send, group_send_many, send, send_many
from compat_tests.groups.hubs import DEADLINE, ENVIRONMENT, ROOT, HubProcess, soon
from compat_tests.servers import wait_for

HELLO = {"type": "hello"}

LAYERS = {
    "ours": "channels_bridge.layers.LocalChannelLayer",
    "in memory": "channels.layers.InMemoryChannelLayer",
}


@pytest.fixture(params=LAYERS)
def layer(request, settings):
    """The default layer: ours, or another one."""
    config = {"capacity": 2}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": LAYERS[request.param], "CONFIG": config}}
    return get_channel_layer()


@pytest.fixture
def hub(socket_dir):
    """A hub, whose layer is called "hub"."""
    process = HubProcess(f"unix:{socket_dir}/groups.sock")
    with using_hub():
        channel_layers.set("hub", GrpcChannelLayer(address=process.address, capacity=1000))
        yield process
        async_to_sync(channel_layers.backends.pop("hub").close)()
    process.close()


def join(layer, *groups):
    """A new channel, which is in these groups."""
    channel = async_to_sync(layer.new_channel)()
    for group in groups:
        async_to_sync(layer.group_add)(group, channel)
    return channel


def next_message(layer, channel):
    """The next message of a channel."""
    return async_to_sync(layer.receive)(channel)


def test_groups(layer):
    """All members get what is sent to their groups."""
    channel = join(layer, "first", "second")
    group_send("first", {"type": "one"})
    group_send_many(iter(["second", "third"]), {"type": "two"})
    assert [next_message(layer, channel)["type"] for _ in range(2)] == ["one", "two"]


def test_channels(layer):
    """Each channel gets what is sent to it; full ones are an error."""
    one, two = join(layer), join(layer)
    send(one, HELLO)
    send(one, HELLO)
    with pytest.raises(ChannelFull):
        send(one, HELLO)
    with pytest.raises(ChannelsFull) as caught:
        send_many([one, two], HELLO)
    assert caught.value.channels == [one]
    assert next_message(layer, two) == HELLO


async def test_on_an_event_loop(layer):
    """Names with an a are to be awaited there; the others say so, and nothing is sent."""
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    for name in ("group_send", "group_send_many", "send", "send_many"):
        with pytest.raises(RuntimeError, match=f"write await a{name}\\(\\) here"):
            getattr(sending, name)("room", HELLO)
    await agroup_send("room", {"type": "one"})
    await sending.agroup_send_many(["room"], {"type": "two"})
    for type_ in ("one", "two"):
        assert (await soon(layer.receive(channel)))["type"] == type_
    await sending.asend(channel, {"type": "three"})
    await sending.asend_many([channel], {"type": "four"})
    for type_ in ("three", "four"):
        assert (await soon(layer.receive(channel)))["type"] == type_


@pytest.mark.parametrize("function", [group_send_many, send_many])
def test_one_name_for_several(layer, function):
    """A name is no list of names."""
    with pytest.raises(TypeError, match="write \\['room'\\]"):
        function("room", HELLO)


@pytest.mark.parametrize("alias", ["default", "elsewhere"])
def test_no_such_layer(settings, alias):
    """It is said which one is missing."""
    settings.CHANNEL_LAYERS = {}
    with pytest.raises(ImproperlyConfigured, match=f'there is no channel layer "{alias}"'):
        group_send("room", HELLO, alias=alias)


def test_messages_of_the_native_surface(settings):
    """A GroupMessage goes as well."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": LAYERS["ours"]}}
    layer = get_channel_layer()
    channel = join(layer, "room")
    group_send("room", GroupMessage("hello", {"who": "me"}))
    assert next_message(layer, channel)["type"] == "hello"


@pytest.mark.parametrize("layer", ["ours"], indirect=True)
async def test_threads_of_a_worker(layer, monkeypatch):
    """They don't wait for the loop to send to groups; where they have to, not for ever."""
    home_loop.claim()
    monkeypatch.setattr(home_loop, "BLOCKED_TIMEOUT", 1)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    errors = []

    def use() -> None:
        group_send("room", HELLO)
        try:
            send(channel, HELLO)
        except LoopBlocked as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(DEADLINE)  # which blocks the loop
    assert len(errors) == 1
    await agroup_send("room", {"type": "last"})
    for type_ in ("hello", "last"):
        assert (await soon(layer.receive(channel)))["type"] == type_


@pytest.mark.parametrize("layer", ["ours"], indirect=True)
async def test_threads_wait_for_the_loop(layer):
    """What needs the loop of a worker is done by it."""
    home_loop.claim()
    channel = await layer.new_channel()
    await asyncio.to_thread(send, channel, HELLO)
    assert await soon(layer.receive(channel)) == HELLO
    await asyncio.to_thread(send_many, [channel, channel], HELLO)
    with pytest.raises(ChannelFull):
        await asyncio.to_thread(send, channel, HELLO)


def test_many_threads(hub):
    """Messages of each thread come in its order, all of them, once."""
    layer = get_channel_layer("hub")
    receiver = GrpcChannelLayer(address=hub.address, capacity=1000)
    channel = join(receiver, "room")

    def use(sender: int) -> None:
        for number in range(25):
            group_send("room", {"type": "x", "sender": sender, "number": number}, alias="hub")

    threads = [threading.Thread(target=use, args=[sender]) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    messages = [next_message(receiver, channel) for _ in range(200)]
    for sender in range(8):
        numbers = [message["number"] for message in messages if message["sender"] == sender]
        assert numbers == list(range(25))
    assert layer.statistics().group_sends == 200
    async_to_sync(receiver.close)()


def test_members_of_the_same_process(hub):
    """They get what is sent here once, before it has been sent, and what others send."""
    layer = get_channel_layer("hub")
    other = GrpcChannelLayer(address=hub.address)
    group_send("room", {"type": "before"}, alias="hub")
    channel = join(layer, "room")
    group_send("room", {"type": "one"}, alias="hub")
    group_send_many(["other", "room"], {"type": "two"}, alias="hub")
    async_to_sync(other.group_send)("room", {"type": "three"})
    came = [next_message(layer, channel)["type"] for _ in range(3)]
    assert came == ["one", "two", "three"]
    async_to_sync(other.close)()


def test_kept_messages(hub):
    """What is sent to a group with history is kept when the call returns."""
    layer = GrpcChannelLayer(address=hub.address, history={"room": {}})
    channel_layers.set("hub", layer)
    group_send("room", {"type": "one"}, alias="hub")
    channel = join(layer, "room")
    group_send("room", {"type": "two"}, alias="hub")
    group_send_many(["room", "plain"], {"type": "three"}, alias="hub")
    kept = async_to_sync(layer.history)("room")
    assert [item.message["type"] for item in kept] == ["one", "two", "three"]
    assert [next_message(layer, channel)["type"] for _ in range(2)] == ["two", "three"]


def test_hub_killed(hub):
    """What threads send while the hub is replaced arrives once, in order."""
    receiver = GrpcChannelLayer(address=hub.address, capacity=1000)
    channel = join(receiver, "room")
    half, sent = threading.Event(), []

    def use() -> None:
        for number in range(40):
            group_send("room", {"type": "x", "number": number}, alias="hub")
            sent.append(number)
            if number == 20:
                half.set()

    thread = threading.Thread(target=use)
    thread.start()
    assert half.wait(DEADLINE)
    hub.kill()
    hub.start()
    thread.join(DEADLINE)
    assert sent == list(range(40))
    came = [next_message(receiver, channel)["number"] for _ in sent]
    assert came == sent
    async_to_sync(receiver.close)()


def test_hub_stopped(hub):
    """Who sends then is alone, as before, and finds the next hub."""
    group_send("room", HELLO, alias="hub")
    hub.stop()
    group_send("room", HELLO, alias="hub")
    hub.start()
    receiver = GrpcChannelLayer(address=hub.address)
    channel = join(receiver, "room")
    wait_for(lambda: not get_channel_layer("hub").statistics().link.alone, DEADLINE)
    group_send("room", {"type": "again"}, alias="hub")
    assert next_message(receiver, channel) == {"type": "again"}
    async_to_sync(receiver.close)()


def test_a_process_that_only_sends(hub):
    """It makes no thread, imports no gRPC, and leaves nothing behind."""
    receiver = GrpcChannelLayer(address=hub.address)
    channel = join(receiver, "room")
    program = f"""
import os, sys, threading
import django
django.setup()
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from channels_bridge.layers import GrpcChannelLayer
from channels_bridge.sending import group_send
layer = GrpcChannelLayer(address={hub.address!r})
channel_layers.set("hub", layer)
async_to_sync(layer.group_send)("room", {{"type": "one"}})
pid = os.fork()
if not pid:
    group_send("room", {{"type": "two"}}, alias="hub")
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
group_send("room", {{"type": "three"}}, alias="hub")
assert "grpc" not in sys.modules
assert threading.active_count() == 1
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert [next_message(receiver, channel)["type"] for _ in range(3)] == ["one", "two", "three"]
    async_to_sync(receiver.close)()
