"""The channel layer API, for layers of either kind."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from contextlib import suppress

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull, MessageTooLarge

from channels_bridge.exceptions import ChannelsFull, ForeignChannel, TransportUnavailable
from channels_bridge.groups import GroupMessage
from channels_bridge.groups.home import home_loop
from channels_bridge.layers import GrpcChannelLayer, InMemoryChannelLayer, LocalChannelLayer
from channels_bridge.server.websocket.inbox import Inbox
from compat_tests.groups.hubs import soon, until

HELLO = {"type": "hello"}


async def nothing_waits(layer, channel) -> bool:
    """Whether a channel is empty: what is sent now comes first."""
    await layer.send(channel, {"type": "probe"})
    return await soon(layer.receive(channel)) == {"type": "probe"}


async def received(layer, channel, send):
    """What comes from a channel, sent as often as it takes: it may expire on a busy machine."""
    receiving = asyncio.create_task(layer.receive(channel))
    while not receiving.done():
        with suppress(ChannelFull):
            await send()
        await asyncio.wait([receiving], timeout=0.02)
    return receiving.result()


@pytest.mark.parametrize("name", ["connection", "prefix", "consistent_hash", "_group_key"])
def test_attributes_of_other_layers(make_layer, name):
    """An attribute that channels_redis has is missing here, and the error says so."""
    layer = make_layer()
    if hasattr(layer, name):
        return
    assert getattr(layer, name, None) is None
    with pytest.raises(AttributeError, match=f"no attribute '{name}': it is of channels_redis"):
        getattr(layer, name)
    with pytest.raises(AttributeError, match="no attribute 'groups': it is of InMemory"):
        layer.groups  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nonsense'$"):
        layer.nonsense  # noqa: B018


# Channels.


@pytest.mark.parametrize("named", [False, True])
async def test_send_receive(make_layer, named):
    """Messages come out of a channel in the order they were sent."""
    layer = make_layer()
    channel = "worker" if named else await layer.new_channel()
    for number in range(3):
        await layer.send(channel, {"number": number})
    assert [await soon(layer.receive(channel)) for _ in range(3)] == [
        {"number": number} for number in range(3)
    ]


async def test_new_channel(make_layer):
    """Names of channels have the form that Channels documents, and their own prefix."""
    layer = make_layer()
    one, two = await layer.new_channel(), await layer.new_channel("chat")
    assert re.fullmatch(r"specific\.[0-9a-f]{32}![0-9a-f]{32}", one)
    assert re.fullmatch(r"chat\.[0-9a-f]{32}![0-9a-f]{32}", two)
    assert layer.non_local_name(one).removeprefix("specific") == layer.non_local_name(
        two
    ).removeprefix("chat")
    await layer.send(two, HELLO)
    assert await soon(layer.receive(two)) == HELLO


async def test_client_prefix(make_layer):
    """A layer has a prefix of its own, which is in the names of its channels."""
    one, two = make_layer(), make_layer()
    assert one.client_prefix != two.client_prefix
    name = await one.new_channel()
    assert one.non_local_name(name) == f"specific.{one.client_prefix}!"


def test_event_loops_come_and_go(make_layer):
    """Messages wait for an event loop to come, also where the one that sent closed the pools."""
    layer = make_layer()
    channel = async_to_sync(layer.new_channel)()

    async def send_and_close():
        await layer.send(channel, HELLO)
        await layer.close_pools()

    async_to_sync(send_and_close)()
    assert async_to_sync(layer.receive)(channel) == HELLO


@pytest.mark.parametrize("named", [False, True])
async def test_capacity(make_layer, named):
    """A full channel refuses messages, until one is taken out."""
    layer = make_layer(capacity=2)
    channel = "worker" if named else await layer.new_channel()
    await layer.send(channel, {"number": 1})
    await layer.send(channel, {"number": 2})
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"number": 3})
    assert await soon(layer.receive(channel)) == {"number": 1}
    await layer.send(channel, {"number": 4})
    assert await soon(layer.receive(channel)) == {"number": 2}


async def test_channel_capacity(make_layer):
    """Patterns give channels other capacities; the first that matches counts."""
    layer = make_layer(channel_capacity={"a*": 1, re.compile("ab"): 2, "b*": 2}, capacity=3)
    for channel, capacity in (("abc", 1), ("bcd", 2), ("cde", 3)):
        for _ in range(capacity):
            await layer.send(channel, HELLO)
        with pytest.raises(ChannelFull):
            await layer.send(channel, HELLO)


@pytest.mark.parametrize("named", [False, True])
async def test_expiry(make_layer, named):
    """A message that nobody receives in time is dropped."""
    layer = make_layer(expiry=0.05, capacity=1)
    channel = "worker" if named else await layer.new_channel()
    await layer.send(channel, {"number": 1})
    await asyncio.sleep(0.06)  # the passing of time is what is tested
    assert await soon(received(layer, channel, lambda: layer.send(channel, HELLO))) == HELLO


async def test_isolation(make_layer):
    """What a receiver does to a message nobody else sees."""
    layer = make_layer()
    one, two = await layer.new_channel(), await layer.new_channel()
    message = {"list": []}
    for channel in (one, two):
        await layer.group_add("room", channel)
    await layer.group_send("room", message)
    message["list"].append("sender")
    (await soon(layer.receive(one)))["list"].append("one")
    assert await soon(layer.receive(two)) == {"list": []}


@pytest.mark.parametrize("named", [False, True])
async def test_cancelled_receive(make_layer, named):
    """Cancelling receive() loses no message, whenever it happens."""
    layer = make_layer(capacity=1000)
    channel = "worker" if named else await layer.new_channel()
    got = []
    for number in range(100):
        receiving = asyncio.create_task(layer.receive(channel))
        sending = asyncio.create_task(layer.send(channel, {"number": number}))
        for _ in range(number % 25):
            await asyncio.sleep(0.0001)
        receiving.cancel()
        await sending
        await asyncio.wait([receiving])
        if not receiving.cancelled():
            got.append(receiving.result()["number"])
    while len(got) < 100:
        got.append((await soon(layer.receive(channel)))["number"])
    assert sorted(got) == list(range(100))


async def test_many_receive(make_layer):
    """Of several who wait on one channel, each gets a message of its own."""
    layer = make_layer()
    channel = await layer.new_channel()
    receiving = [asyncio.create_task(layer.receive(channel)) for _ in range(5)]
    for number in range(5):
        await layer.send(channel, {"number": number})
    got = await soon(asyncio.gather(*receiving))
    assert sorted(message["number"] for message in got) == list(range(5))


# Groups.


async def test_group(make_layer):
    """Members get a message once; others, and those who left, don't."""
    layer = make_layer()
    one, two, left, stranger = [await layer.new_channel() for _ in range(4)]
    for channel in (one, two, left):
        await layer.group_add("room", channel)
    await layer.group_add("room", one)
    await layer.group_discard("room", left)
    await layer.group_send("room", HELLO)
    for channel in (one, two):
        assert await soon(layer.receive(channel)) == HELLO
    for channel in (one, two, left, stranger):
        assert await nothing_waits(layer, channel)


async def test_named_member(make_layer):
    """A named channel can be a member, and leave."""
    layer = make_layer()
    await layer.group_add("room", "worker")
    await layer.group_send("room", HELLO)
    assert await soon(layer.receive("worker")) == HELLO
    await layer.group_discard("room", "worker")
    await layer.group_send("room", HELLO)
    assert await nothing_waits(layer, "worker")


async def test_discard_strangers(make_layer):
    """Leaving a group without being a member is no error."""
    layer = make_layer()
    await layer.group_discard("room", await layer.new_channel())
    await layer.group_discard("room", "worker")


async def test_group_send_to_nobody(make_layer):
    """Sending to an empty group is no error."""
    await make_layer().group_send("room", HELLO)


async def test_full_member(make_layer, caplog):
    """A full member misses the newest message; that is counted and logged, and others get it."""
    layer = make_layer(capacity=2)
    full, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room", full)
    await layer.group_add("room", other)
    with caplog.at_level(logging.INFO, "channels_bridge.groups"):
        for number in range(5):
            await layer.group_send("room", {"number": number})
            assert await soon(layer.receive(other)) == {"number": number}
    assert [await soon(layer.receive(full)) for _ in range(2)] == [{"number": 0}, {"number": 1}]
    assert layer.messages_dropped == 3
    assert caplog.messages == ["1 of 2 channels over capacity in group room"]


async def test_expired_message_ends_no_membership(make_layer):
    """As with channels_redis, a channel whose message expired stays a member of its groups.

    InMemoryChannelLayer takes it out of them: a consumer that was slow once hears nothing more.
    """
    layer = make_layer(expiry=0.05)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "expires"})
    await asyncio.sleep(0.06)  # the passing of time is what is tested
    assert await soon(received(layer, channel, lambda: layer.group_send("room", HELLO))) == HELLO


async def test_group_expiry(make_layer):
    """A membership ends after its time, unless it is renewed."""
    layer = make_layer(group_expiry=0.1)
    old, renewed = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room", old)
    await layer.group_add("room", renewed)
    await asyncio.sleep(0.11)  # the passing of time is what is tested

    async def renew_and_send():
        await layer.group_add("room", renewed)
        await layer.group_send("room", HELLO)

    assert await soon(received(layer, renewed, renew_and_send)) == HELLO
    assert await nothing_waits(layer, old)


async def test_group_message(make_layer):
    """A GroupMessage arrives as an event that carries it, and its sender may be a consumer."""

    class Consumer:
        channel_name = ""

    layer, consumer = make_layer(), Consumer()
    consumer.channel_name = await layer.new_channel()
    await layer.group_add("room", consumer)
    sent = GroupMessage("chat.message", message="hello", params={"by": "me"})
    await layer.group_send("room", sent)
    event = await soon(layer.receive(consumer.channel_name))
    assert event["__group_message__"] == sent
    assert event["type"] == "chat.message"
    await layer.group_discard("room", consumer)
    await layer.group_send("room", sent)
    assert await nothing_waits(layer, consumer.channel_name)


async def test_flush(make_layer):
    """Flushing empties channels and groups."""
    layer = make_layer()
    channel = await layer.new_channel()
    for name in (channel, "worker"):
        await layer.group_add("room", name)
        await layer.send(name, HELLO)
    await layer.flush()
    await layer.group_send("room", HELLO)
    for name in (channel, "worker"):
        assert await nothing_waits(layer, name)


def test_extensions(make_layer):
    """The layer says which parts of the API it has."""
    assert make_layer().extensions == ["groups", "flush"]


# One message to many.


async def test_send_many(make_layer):
    """A message to several channels reaches each, in order with those sent before and after."""
    layer = make_layer()
    channels = [await layer.new_channel(), "worker", await layer.new_channel("chat")]
    await layer.send("worker", {"number": 0})
    await layer.send_many(iter(channels), {"number": 1})
    await layer.send_many([], {"number": 2})
    await layer.send("worker", {"number": 3})
    for channel, numbers in zip(channels, ([1], [0, 1, 3], [1]), strict=True):
        assert [(await soon(layer.receive(channel)))["number"] for _ in numbers] == numbers


async def test_send_many_full(make_layer):
    """Full channels are named, and don't keep the others from getting the message."""
    layer = make_layer(capacity=1)
    full, free, worker = await layer.new_channel(), await layer.new_channel(), "worker"
    await layer.send_many([full, worker], HELLO)
    with pytest.raises(ChannelFull, match=f"no room in {full}, worker: ") as caught:
        await layer.send_many([full, free, worker], HELLO)
    assert isinstance(caught.value, ChannelsFull)
    assert caught.value.channels == [full, worker]
    assert await soon(layer.receive(free)) == HELLO


@pytest.mark.parametrize("claimed", [False, True])
async def test_group_send_many(make_layer, claimed):
    """A message to several groups reaches all members, once for each group they are in."""
    if claimed:
        home_loop.claim()
    layer = make_layer()
    one, both, stranger = [await layer.new_channel() for _ in range(3)]
    for group, channel in (("one", one), ("one", both), ("two", both), ("two", "worker")):
        await layer.group_add(group, channel)
    await layer.group_send_many(iter(["one", "two", "nobody"]), GroupMessage("hello"))
    await layer.group_send_many([], HELLO)
    for channel, times in ((one, 1), (both, 2), ("worker", 1), (stranger, 0)):
        for _ in range(times):
            assert (await soon(layer.receive(channel)))["type"] == "hello"
        assert await nothing_waits(layer, channel)


# Several processes.


async def test_group_over_processes(make_linked_layer):
    """A message reaches members in all processes."""
    layers = [make_linked_layer() for _ in range(3)]
    channels = [await layer.new_channel() for layer in layers]
    for layer, channel in zip(layers, channels, strict=True):
        await layer.group_add("room", channel)
    for sender in layers:
        await sender.group_send("room", HELLO)
        for layer, channel in zip(layers, channels, strict=True):
            assert await soon(layer.receive(channel)) == HELLO


async def test_foreign_channel(make_linked_layer):
    """Another process' channel can be sent to, and made a member; its capacity counts."""
    owner, other = make_linked_layer(capacity=1), make_linked_layer()
    channel = await owner.new_channel()
    await other.send(channel, HELLO)
    with pytest.raises(ChannelFull):
        await other.send(channel, HELLO)
    assert await soon(owner.receive(channel)) == HELLO
    await other.group_add("room", channel)
    await make_linked_layer().group_send("room", HELLO)
    assert await soon(owner.receive(channel)) == HELLO
    await other.group_discard("room", channel)
    await make_linked_layer().group_send("room", HELLO)
    assert await nothing_waits(owner, channel)
    with pytest.raises(ForeignChannel):
        await other.receive(channel)


async def test_send_many_over_processes(make_linked_layer):
    """A message reaches channels and groups of several processes; full channels are named."""
    sender, *owners = [make_linked_layer(capacity=2) for _ in range(4)]
    channels = [await owner.new_channel() for owner in owners for _ in range(3)]
    await sender.send(channels[4], HELLO)
    await sender.send(channels[4], HELLO)
    with pytest.raises(ChannelsFull) as caught:
        await soon(sender.send_many(channels, HELLO))
    assert caught.value.channels == [channels[4]]
    groups = [f"room-{number}" for number in range(len(channels))]
    for number, channel in enumerate(channels):
        await sender.group_add(groups[number], channel)
    await soon(sender.group_send_many(groups, {"type": "last"}))
    for number, channel in enumerate(channels):
        if channel != channels[4]:
            for message in (HELLO, {"type": "last"}):
                assert await soon(owners[number // 3].receive(channel)) == message


@pytest.mark.parametrize("method", ["send_many", "group_send_many"])
async def test_many_without_hub(address, method):
    """Without a hub one error comes, after one timeout."""
    layer = GrpcChannelLayer(address=address, timeout=0.2, require_hub=True)
    names = [
        f"somewhere.{number}!else" if method == "send_many" else f"room-{number}"
        for number in range(300)  # a minute, one after the other
    ]
    with pytest.raises(TransportUnavailable):
        await asyncio.wait_for(getattr(layer, method)(names, HELLO), 30)
    await layer.close()


async def test_flush_over_processes(make_linked_layer):
    """Flushing empties the groups of other processes too."""
    owner, other = make_linked_layer(), make_linked_layer()
    channel = await owner.new_channel()
    await owner.group_add("room", channel)
    await owner.group_add("room", "worker")
    await other.flush()
    await other.group_send("room", HELLO)
    assert await nothing_waits(owner, channel)
    assert await nothing_waits(owner, "worker")


async def test_closed_layer_begins_anew(make_linked_layer):
    """A layer that was closed can be used again."""
    layer, other = make_linked_layer(), make_linked_layer()
    await layer.group_add("room", await layer.new_channel())
    await layer.close()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await other.group_send("room", HELLO)
    assert await soon(layer.receive(channel)) == HELLO


# Inboxes.


async def test_attached_inbox(make_layer):
    """Messages for an attached channel, also those that came before, go into its inbox."""
    home_loop.claim()
    layer = make_layer(capacity=7)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.send(channel, {"number": 1})
    inbox = Inbox()
    layer.attach(channel, inbox)
    assert inbox.capacity == 7
    await layer.group_send("room", {"number": 2})
    await until(lambda: inbox.waiting == 2)  # with history it comes back from the hub
    await layer.send(channel, {"number": 3})
    assert [(await soon(inbox.get()))["number"] for _ in range(3)] == [1, 2, 3]


async def test_detached_inbox(make_layer):
    """A detached channel has left all its groups."""
    home_loop.claim()
    layer = make_layer()
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    for group in ("room", "other"):
        await layer.group_add(group, channel)
    layer.detach(channel)
    for group in ("room", "other"):
        await layer.group_send(group, HELLO)
    inbox.put_message({"type": "probe"})
    assert await soon(inbox.get()) == {"type": "probe"}


async def test_full_inbox(make_layer):
    """A full inbox refuses what is sent to its channel, and misses what is sent to its groups."""
    home_loop.claim()
    layer = make_layer(capacity=1)
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    await layer.group_add("room", channel)
    await layer.group_send("room", HELLO)
    await until(lambda: inbox.waiting == 1)
    with pytest.raises(ChannelFull):
        await layer.send(channel, HELLO)
    await layer.group_send("room", HELLO)
    assert layer.messages_dropped == (0 if layer.follows else 1)  # what is kept is caught up on


async def test_attached_channels_outlast_group_expiry(make_layer):
    """A membership of a consumer that runs doesn't end by itself."""
    home_loop.claim()
    layer = make_layer(group_expiry=0.02)
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    await layer.group_add("room", channel)
    await asyncio.sleep(0.03)  # the passing of time is what is tested
    await layer.group_send("room", HELLO)
    assert await soon(inbox.get()) == HELLO


async def test_closing_sends(make_linked_layer):
    """In a server's worker group_send() only queues, and closing sends what is queued."""
    home_loop.claim()
    member = make_linked_layer(capacity=1000)
    channel = await member.new_channel()
    await member.group_add("room", channel)
    sender = make_linked_layer()
    for number in range(1000):
        await sender.group_send("room", {"number": number})
    await soon(sender.close())
    assert [(await soon(member.receive(channel)))["number"] for _ in range(1000)] == list(
        range(1000)
    )


# Callers.


async def test_layer_used_before_a_worker_claims_its_loop(make_layer):
    """A layer begins anew on a worker's loop also when a thread uses it until the last moment."""
    layer = make_layer()
    early = layer._node()
    home_loop.claim()
    assert layer._node() is not early
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    await layer.group_add("room", channel)
    await layer.group_send("room", HELLO)
    assert await soon(inbox.get()) == HELLO


async def test_claimed_home_serves_threads(make_layer):
    """Threads of a server's worker use the layer as well."""
    home_loop.claim()
    layer = make_layer()
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    await sync_to_async(async_to_sync(layer.group_add), thread_sensitive=False)("room", channel)
    await sync_to_async(async_to_sync(layer.group_send), thread_sensitive=False)("room", HELLO)
    assert await soon(inbox.get()) == HELLO


def test_many_loops(make_layer):
    """A channel made on one loop can be received from on another."""
    layer = make_layer()
    channel = async_to_sync(layer.new_channel)()
    asyncio.run(layer.send(channel, HELLO))
    results = []
    receiver = threading.Thread(target=lambda: results.append(asyncio.run(layer.receive(channel))))
    receiver.start()
    receiver.join(10)
    assert results == [HELLO]


async def test_layer_outlives_its_loop(make_layer):
    """When the loop of a claimed home has gone, the layer begins anew."""
    layer = make_layer()

    async def serve():
        home_loop.claim()
        await layer.group_add("room", await layer.new_channel())
        await layer.close()
        await layer.new_channel()

    await sync_to_async(asyncio.run, thread_sensitive=False)(serve())
    channel = await layer.new_channel()
    await layer.send(channel, HELLO)
    assert await soon(layer.receive(channel)) == HELLO


# Bad input.

BAD_NAMES = ["", "a b", "ä", "a/b", "x" * 100, b"bytes", 1, None]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize(
    "method",
    ["send", "receive", "group_add", "group_discard", "group_send", "send_many", "group_send_many"],
)
async def test_bad_names(method, name):
    """Names are checked as Channels checks them, with the same words."""
    arguments = {
        "send": [name, {}],
        "receive": [name],
        "group_add": [name, "worker"],
        "group_discard": [name, "worker"],
        "group_send": [name, {}],
        "send_many": [["worker", name], {}],
        "group_send_many": [["room", name], {}],
    }[method]
    errors = []
    for layer in (LocalChannelLayer(), InMemoryChannelLayer()):
        with pytest.raises(TypeError) as caught:
            await layer_call(layer, method, arguments)
        errors.append(str(caught.value))
        if method.endswith("_many"):  # Channels has only the other one
            method, arguments = method.removesuffix("_many"), [name, {}]
    assert errors[0] == errors[1]


@pytest.mark.parametrize("method", ["send_many", "group_send_many"])
async def test_one_name_for_many(method):
    """A name where a list of names belongs is refused: its letters are names too."""
    with pytest.raises(TypeError, match=r"list of names, not 'room': write \['room'\]"):
        await layer_call(LocalChannelLayer(), method, ["room", {}])


async def layer_call(layer, method, arguments):
    """Call a method that must not wait."""
    await soon(getattr(layer, method)(*arguments))


@pytest.mark.parametrize("method", ["send", "group_send"])
async def test_bad_messages(make_layer, method):
    """What isn't a message is refused before anything is sent."""
    layer = make_layer(max_message_size=100)
    send = getattr(layer, method)
    with pytest.raises(AssertionError, match="message is not a dict"):
        await send("room", ["a list"])
    with pytest.raises(AssertionError):
        await send("room", {"__asgi_channel__": "x"})
    with pytest.raises(TypeError, match=r"message\['a'\] is a set"):
        await send("room", {"a": {1}})
    with pytest.raises(MessageTooLarge):
        await send("room", {"a": "x" * 100})


async def test_closing_twice(make_layer):
    """Closing a layer that isn't in use is no error."""
    layer = make_layer()
    await layer.close()
    await layer.new_channel()
    await layer.close()
    await layer.close()
