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
    await sender.transport.ask("g:room", b"hello")
    assert one.received == two.received == [("g:room", b"hello")]
    assert sender.received == stranger.received == []


async def test_no_echo(connect):
    """A sender that subscribed doesn't get its own payloads back."""
    sender, other = connect(), connect()
    await sender.transport.subscribe("g:room")
    await other.transport.subscribe("g:room")
    await sender.transport.ask("g:room", b"hello")
    assert other.payloads == [b"hello"]
    assert sender.received == []


async def test_order(connect):
    """The payloads of one sender arrive in the order sent, whichever way they were sent."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    await receiver.transport.subscribe("g:other")
    # Over NATS a subscription is in force at other nodes a moment later, and until then a payload
    # is asked for again: that is the one case in which topics overtake each other.
    for topic in ("g:room", "g:other"):
        await sender.transport.ask(topic, b"in force")
    receiver.received.clear()
    payloads = [b"%d" % number for number in range(1000)]
    for number, payload in enumerate(payloads):
        topic = "g:other" if number % 3 else "g:room"
        if number % 100 == 50:
            await sender.transport.ask(topic, payload)
        else:
            await sender.transport.publish(topic, payload)
    await receiver.has_received(*payloads)


async def test_tell(connect):
    """Telling the one receiver returns once it has handled the payload."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("p:receiver")
    for count in range(1, 101):
        assert await sender.transport.tell("p:receiver", b"hello")
        assert receiver.payloads == [b"hello"] * count


async def test_no_room(connect):
    """The sender learns that the receiver had no room."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("p:receiver")
    receiver.has_room = False
    assert not await sender.transport.tell("p:receiver", b"hello")
    receiver.has_room = True
    assert await sender.transport.tell("p:receiver", b"hello")


async def test_nobody_has_subscribed(connect):
    """Nobody to wait for is no reason to wait, nor an error."""
    sender = connect()
    await soon(sender.transport.ask("g:room", b"hello"))
    await soon(sender.transport.publish_confirmed("g:room", b"hello"))
    assert await soon(sender.transport.tell("p:nobody", b"hello"))


async def test_publish_confirmed(connect):
    """What is confirmed arrives, between what is published before and after it."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    await sender.transport.publish("g:room", b"1")
    await sender.transport.publish_confirmed("g:room", b"2")
    await sender.transport.publish("g:room", b"3")
    await receiver.has_received(b"1", b"2", b"3")


async def test_no_answer_before_delivery(connect):
    """Asking returns after the payload has been handled, not before."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    asking = [
        asyncio.create_task(sender.transport.ask("g:room", b"%d" % number)) for number in range(50)
    ]
    for number, task in enumerate(asking):
        await soon(task)
        assert len(receiver.received) > number
    assert len(receiver.received) == 50


async def test_unsubscribe(connect):
    """After unsubscribing nothing more arrives; subscribing again works."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    receiver.transport.unsubscribe("g:room")
    # What follows on the same connection is handled after that.
    await receiver.transport.ask("g:nobody", b"")
    await sender.transport.ask("g:room", b"missed")
    assert receiver.payloads == []
    await receiver.transport.subscribe("g:room")
    await sender.transport.ask("g:room", b"hello")
    # What was sent a moment before may come with it.
    assert receiver.payloads in ([b"hello"], [b"missed", b"hello"])


async def test_unsubscribe_before_in_force(connect):
    """Changing one's mind about a topic, and again, ends with the last word."""
    sender, receiver = connect(), connect()
    receiver.transport.subscribe_nowait("g:room")
    receiver.transport.unsubscribe("g:room")
    await receiver.transport.subscribe("g:room")
    await sender.transport.ask("g:room", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_subscribing_again(connect):
    """Who leaves a topic and comes back in one step gets what is sent afterwards, once."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    for number in range(20):
        receiver.transport.unsubscribe("g:room")
        receiver.transport.subscribe_nowait("g:room")
        await receiver.transport.subscribe("g:room")
        await sender.transport.ask("g:room", b"%d" % number)
    assert receiver.payloads == [b"%d" % number for number in range(20)]


async def test_unsubscribe_strangers(connect):
    """Unsubscribing from what wasn't asked for is no error."""
    connect().transport.unsubscribe("g:room")


async def test_subscribe_together(connect):
    """Two who subscribe to one topic at a time both wait until it is in force."""
    sender, receiver = connect(), connect()
    await asyncio.gather(*(receiver.transport.subscribe("g:room") for _ in range(2)))
    await sender.transport.ask("g:room", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_subscribe_while_delivering(connect):
    """A topic that a receiver asks for on delivery is in force when the sender goes on."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("p:receiver")
    receiver.on_delivery = lambda topic, _: receiver.transport.subscribe_nowait("g:room")
    await sender.transport.tell("p:receiver", b"join the room")
    await sender.transport.ask("g:room", b"hello")
    assert receiver.payloads == [b"join the room", b"hello"]


async def test_answer_while_delivering(connect):
    """What a receiver publishes while it handles a payload is there when asking returns."""
    sender, *receivers = (connect() for _ in range(4))
    await sender.transport.subscribe("p:sender")
    for receiver in receivers:
        await receiver.transport.subscribe("g:room")
        answer = receiver.transport.publish_nowait
        receiver.on_delivery = lambda topic, payload, answer=answer: answer("p:sender", b"yes")
    for count in range(1, 21):
        await sender.transport.ask("g:room", b"anybody there?")
        assert sender.payloads == [b"yes"] * 3 * count


async def test_large_payloads(connect):
    """Payloads of a mebibyte and more arrive."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    payload = bytes(5 * 1024 * 1024)
    await sender.transport.ask("g:room", payload)
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
