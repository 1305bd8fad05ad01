"""The contract of every transport. A new one adds a parameter to ``make_transport``."""

from __future__ import annotations

import asyncio

from compat_tests.groups.hubs import soon


async def test_fans_out(connect):
    """A payload arrives once at every process that subscribed, and nowhere else."""
    sender, one, two, stranger = connect(), connect(), connect(), connect()
    await one.transport.subscribe("g:room")
    await two.transport.subscribe("g:room")
    await stranger.transport.subscribe("g:other")
    assert await sender.transport.publish_confirmed("g:room", b"hello")
    assert one.received == two.received == [("g:room", b"hello")]
    assert sender.received == stranger.received == []


async def test_no_echo(connect):
    """A sender that subscribed doesn't get its own payloads back."""
    sender, other = connect(), connect()
    await sender.transport.subscribe("g:room")
    await other.transport.subscribe("g:room")
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert other.payloads == [b"hello"]
    assert sender.received == []


async def test_order(connect):
    """The payloads of one sender arrive in the order sent, whichever way they were sent."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    await receiver.transport.subscribe("g:other")
    payloads = [b"%d" % number for number in range(1000)]
    for number, payload in enumerate(payloads):
        topic = "g:other" if number % 3 else "g:room"
        if number % 100 == 50:
            await sender.transport.publish_confirmed(topic, payload)
        else:
            await sender.transport.publish(topic, payload)
    await receiver.has_received(*payloads)


async def test_confirms_without_receivers(connect):
    """A payload that nobody subscribed to is confirmed as well."""
    sender = connect()
    assert await soon(sender.transport.publish_confirmed("g:room", b"hello"))


async def test_no_room(connect):
    """The sender learns that a receiver had no room."""
    sender, one, two = connect(), connect(), connect()
    await one.transport.subscribe("p:one")
    await two.transport.subscribe("p:one")
    two.has_room = False
    assert not await sender.transport.publish_confirmed("p:one", b"hello")
    two.has_room = True
    assert await sender.transport.publish_confirmed("p:one", b"hello")


async def test_unsubscribe(connect):
    """After unsubscribing nothing more arrives; subscribing again works."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    receiver.transport.unsubscribe("g:room")
    # What follows on the same connection is handled after that.
    await receiver.transport.publish_confirmed("g:nobody", b"")
    await sender.transport.publish_confirmed("g:room", b"missed")
    await receiver.transport.subscribe("g:room")
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_unsubscribe_before_in_force(connect):
    """Changing one's mind about a topic, and again, ends with the last word."""
    sender, receiver = connect(), connect()
    receiver.transport.subscribe_nowait("g:room")
    receiver.transport.unsubscribe("g:room")
    await receiver.transport.subscribe("g:room")
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_unsubscribe_strangers(connect):
    """Unsubscribing from what wasn't asked for is no error."""
    connect().transport.unsubscribe("g:room")


async def test_subscribe_together(connect):
    """Two who subscribe to one topic at a time both wait until it is in force."""
    sender, receiver = connect(), connect()
    await asyncio.gather(*(receiver.transport.subscribe("g:room") for _ in range(2)))
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_subscribe_while_delivering(connect):
    """A topic that a receiver asks for on delivery is in force when the sender gets its answer."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("p:receiver")
    receiver.on_delivery = lambda topic, _: receiver.transport.subscribe_nowait("g:room")
    await sender.transport.publish_confirmed("p:receiver", b"join the room")
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert receiver.payloads == [b"join the room", b"hello"]


async def test_answer_while_delivering(connect):
    """What a receiver publishes while it handles a payload is there before that is confirmed."""
    sender, *receivers = (connect() for _ in range(4))
    await sender.transport.subscribe("p:sender")
    for receiver in receivers:
        await receiver.transport.subscribe("g:room")
        answer = receiver.transport.publish_nowait
        receiver.on_delivery = lambda topic, payload, answer=answer: answer("p:sender", b"yes")
    for count in range(1, 21):
        await sender.transport.publish_confirmed("g:room", b"anybody there?")
        assert sender.payloads == [b"yes"] * 3 * count


async def test_large_payloads(connect):
    """Payloads of a mebibyte and more arrive."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    payload = bytes(5 * 1024 * 1024)
    await sender.transport.publish_confirmed("g:room", payload)
    assert receiver.payloads == [payload]


async def test_aclose_sends(connect):
    """Closing sends what is queued first."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    payloads = [b"%d" % number for number in range(500)]
    for payload in payloads:
        await sender.transport.publish("g:room", payload)
    await soon(sender.transport.aclose())
    assert receiver.payloads == payloads
