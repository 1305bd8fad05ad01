"""Layers that carry trace context: to whoever gets the message, and to nobody else."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from channels.exceptions import ChannelFull, MessageTooLarge
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.common.trace_context import Handling, Sending
from channels_bridge.groups import GroupMessage
from channels_bridge.groups.codec import Codec
from channels_bridge.groups.home import home_loop
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.tracing import handling
from compat_tests.groups.hubs import soon
from compat_tests.tracing.recorder import RECORDER, current

SAID = {"type": "room.said", "text": "hello"}


async def member(layer, group="room"):
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


def trace_of(layer, message):
    """The trace that code belongs to which handles a message."""
    with handling(layer.tracer, message, "tests.handler"):
        return current.get()


async def test_who_receives_it(make_layer):
    """A message is what it was sent as; who handles it finds the sender's trace."""
    layer = make_layer(trace_context=RECORDER)
    channel = await member(layer)
    await layer.group_send("room", SAID)
    await layer.group_send_many(["room", "empty"], SAID)
    await layer.send(channel, SAID)
    await layer.send_many([channel], SAID)
    messages = [await soon(layer.receive(channel)) for _ in range(4)]
    assert messages == [SAID] * 4
    assert [json.dumps(message) for message in messages] == [json.dumps(SAID)] * 4
    assert [trace_of(layer, message) for message in messages] == ["1", "2", "3", "4"]
    assert layer.tracer.sent == [
        Sending("group_send", ("room",), "room.said"),
        Sending("group_send_many", ("room", "empty"), "room.said"),
        Sending("send", (channel,), "room.said"),
        Sending("send_many", (channel,), "room.said"),
    ]
    assert layer.tracer.handled == [
        (Handling("tests.handler", destination, "room.said"), {"trace": str(number)})
        for number, destination in enumerate(["room", "", channel, channel], 1)
    ]
    assert (layer.tracer.is_open, current.get()) == (0, "")


async def test_named_channels(make_layer):
    """So it is in the queues of workers."""
    layer = make_layer(trace_context=RECORDER)
    await layer.send("thumbnails", SAID)
    message = await soon(layer.receive("thumbnails"))
    assert (message, trace_of(layer, message)) == (SAID, "1")


async def test_other_processes(make_linked_layer):
    """They travel to other processes; those that don't trace, or can't, get the message alone."""
    sender, aware, unaware = (
        make_linked_layer(trace_context=name) for name in (RECORDER, RECORDER, None)
    )
    channels = [await member(layer) for layer in (aware, unaware)]
    await sender.group_send("room", SAID)
    traced = await soon(aware.receive(channels[0]))
    plain = await soon(unaware.receive(channels[1]))
    assert traced == plain == SAID
    assert type(plain) is dict
    assert trace_of(aware, traced) == "1"
    await unaware.group_send("room", SAID)
    assert trace_of(aware, await soon(aware.receive(channels[0]))) == ""


def test_without_an_event_loop(make_layer):
    """A view, a task or a command sends as ever, and its trace is closed when it has sent."""
    layer = make_layer(trace_context=RECORDER)
    channel = async_to_sync(member)(layer)
    sending = layer.group_send("room", SAID)
    assert layer.tracer.is_open == 0
    message = async_to_sync(layer.receive)(channel)
    assert trace_of(layer, message) == "1"
    assert asyncio.run(sending) is None
    async_to_sync(layer.group_send)("room", SAID)
    assert trace_of(layer, async_to_sync(layer.receive)(channel)) == "2"
    assert len(layer.tracer.sent) == 2


async def test_threads_of_a_worker(make_layer):
    """A call that begins in a thread may end on the event loop: its trace is bound to neither."""
    home_loop.claim()
    layer = make_layer(trace_context=RECORDER)
    channel = await member(layer)
    for number in range(3):
        send = async_to_sync(layer.group_send)
        await asyncio.to_thread(send, "room", {**SAID, "number": number})
    messages = [await soon(layer.receive(channel)) for _ in range(3)]
    assert [trace_of(layer, message) for message in messages] == ["1", "2", "3"]
    assert layer.tracer.is_open == 0


async def test_calls_are_as_ever(make_layer):
    """Arguments have their names, and errors are those of the layer."""
    layer = make_layer(trace_context=RECORDER, capacity=1)
    assert iscoroutinefunction(layer.group_send) and iscoroutinefunction(layer.send_many)
    channel = await member(layer)
    await layer.group_send(group="room", message=SAID)
    assert await soon(layer.receive(channel=channel)) == SAID
    await layer.send(channel="worker", message=SAID)
    with pytest.raises(ChannelFull) as full:
        await layer.send("worker", SAID)
    with pytest.raises(TypeError, match="a list of names"):
        await layer.group_send_many("room", SAID)
    with pytest.raises(TypeError, match=r"message\['when'\] is a set"):
        await layer.group_send("room", {"type": "a", "when": set()})
    with pytest.raises(AssertionError, match="not a dict"):
        await layer.group_send("room", ["a"])
    assert layer.tracer.errors[0] is full.value
    assert len(layer.tracer.errors) == 4
    assert layer.tracer.is_open == 0


def test_generators_of_names():
    """Names are gone through once by the tracer, and once by the layer."""
    layer = LocalChannelLayer(trace_context=RECORDER)
    channel = async_to_sync(member)(layer)
    async_to_sync(layer.group_send_many)((name for name in ["room", "room"]), SAID)
    assert async_to_sync(layer.receive)(channel) == async_to_sync(layer.receive)(channel) == SAID


def test_group_messages_and_those_passed_on():
    """A GroupMessage has headers, too; an event that is passed on has those of its new sender."""
    layer = LocalChannelLayer(trace_context=RECORDER)
    channel = async_to_sync(member)(layer)
    send, receive = async_to_sync(layer.group_send), async_to_sync(layer.receive)
    send("room", GroupMessage("room.said", "hello"))
    assert trace_of(layer, receive(channel)) == "1"
    send("room", SAID)
    event = receive(channel)
    send("room", event)
    assert trace_of(layer, receive(channel)) == "3"
    layer.tracer.headers = {}
    send("room", event)
    again = receive(channel)
    assert (again, trace_of(layer, again)) == (SAID, "")


async def test_history_knows_types():
    """What isn't kept by its type isn't, with headers or without."""
    layer = LocalChannelLayer(trace_context=RECORDER, history={"room": {"except": ["typing"]}})
    await layer.group_send("room", SAID)
    await layer.group_send("room", {"type": "typing"})
    assert [kept.message for kept in await layer.history("room")] == [SAID]


def test_too_large_is_of_the_message():
    """The limit is that of the message, not of what travels beside it."""
    limit = len(Codec(1000).encode(SAID))
    send = async_to_sync(LocalChannelLayer(trace_context=RECORDER, max_message_size=limit).send)
    send("worker", SAID)
    with pytest.raises(MessageTooLarge):
        send("worker", {**SAID, "more": 1})


def test_off():
    """Without the option a layer has nothing of it."""
    layer = LocalChannelLayer()
    assert type(layer._codec) is Codec
    assert layer.tracer is None
    assert not {"send", "send_many", "group_send", "group_send_many"} & vars(layer).keys()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (True, "must be 'opentelemetry', 'sentry' or the dotted path of a class, not True"),
        ("", "or the dotted path"),
        ("jaeger", "write one of opentelemetry, sentry, or the dotted path"),
        ("compat_tests.tracing.recorder.Missing", "cannot import .*Missing.* or the dotted path"),
    ],
)
def test_wrong_values(value, error):
    """What can't be a tracer is named, with what can."""
    with pytest.raises(ImproperlyConfigured, match=f"'trace_context'.*{error}"):
        LocalChannelLayer(trace_context=value)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("opentelemetry", "opentelemetry", "opentelemetry-api"),
        ("sentry", "sentry_sdk", "sentry-sdk"),
    ],
)
def test_not_installed(monkeypatch, name, module, package):
    """Who asks for a tracer whose package is missing is told which."""
    tracer = {"opentelemetry": "open_telemetry"}.get(name, name)
    monkeypatch.delitem(sys.modules, f"channels_bridge.tracing.{tracer}", False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImproperlyConfigured, match=f"'trace_context'.*install {package}"):
        LocalChannelLayer(trace_context=name)
