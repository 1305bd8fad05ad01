"""The contract of every transport. A new one adds a parameter to `make_transport`."""

from __future__ import annotations

import asyncio

from compat_tests.groups.hubs import soon, until

FOREVER = {"capacity": 1000, "expiry": 60}


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


# Named queues.


async def test_queue(connect):
    """What one process pushes another pulls, first in first out."""
    sender, receiver = connect(), connect()
    for payload in (b"1", b"2"):
        assert await sender.transport.push("work", payload, **FOREVER)
    assert await soon(receiver.transport.pull("work")) == b"1"
    assert await soon(receiver.transport.pull("work")) == b"2"


async def test_queue_outlives_sender(connect):
    """A payload is there for a process that starts after its sender has gone."""
    sender = connect()
    await sender.transport.push("work", b"hello", **FOREVER)
    await sender.transport.aclose()
    assert await soon(connect().transport.pull("work")) == b"hello"


async def test_pull_waits(connect):
    """Who pulls from an empty queue gets what is pushed later."""
    sender, receiver = connect(), connect()
    pull = asyncio.create_task(receiver.transport.pull("work"))
    await receiver.transport.publish_confirmed("g:nobody", b"")
    await sender.transport.push("work", b"hello", **FOREVER)
    assert await soon(pull) == b"hello"


async def test_pulled_once(connect):
    """Each payload goes to one of those who pull."""
    sender, one, two = connect(), connect(), connect()
    pulls = [asyncio.create_task(peer.transport.pull("work")) for peer in (one, two) * 10]
    for number in range(20):
        await sender.transport.push("work", b"%d" % number, **FOREVER)
    got = await soon(asyncio.gather(*pulls))
    assert sorted(got) == sorted(b"%d" % number for number in range(20))


async def test_capacity(connect):
    """A full queue refuses the newest payload."""
    sender, receiver = connect(), connect()
    pushed = [
        await sender.transport.push("work", b"%d" % number, capacity=2, expiry=60)
        for number in range(3)
    ]
    assert pushed == [True, True, False]
    assert await soon(receiver.transport.pull("work")) == b"0"
    assert await sender.transport.push("work", b"3", capacity=2, expiry=60)


async def test_expiry(connect):
    """A payload that nobody pulled in time is gone."""
    sender, receiver = connect(), connect()
    await sender.transport.push("work", b"old", capacity=1, expiry=0.02)
    await asyncio.sleep(0.03)  # the passing of time is what is tested
    assert await sender.transport.push("work", b"new", capacity=1, expiry=60)
    assert await soon(receiver.transport.pull("work")) == b"new"


async def test_cancelled_pull(connect):
    """A pull that is cancelled takes nothing."""
    sender, receiver = connect(), connect()
    pull = asyncio.create_task(receiver.transport.pull("work"))
    await receiver.transport.publish_confirmed("g:nobody", b"")
    pull.cancel()
    await asyncio.wait([pull])
    await sender.transport.push("work", b"hello", **FOREVER)
    assert await soon(sender.transport.pull("work")) == b"hello"


async def test_cancelled_pulls_lose_nothing(connect):
    """However pulls and their cancellation meet the payloads, each is pulled once in the end."""
    sender, receiver = connect(), connect()
    got: list[bytes] = []
    for number in range(200):
        pull = asyncio.create_task(receiver.transport.pull("work"))
        push = asyncio.create_task(sender.transport.push("work", b"%d" % number, **FOREVER))
        for _ in range(number % 40):
            await asyncio.sleep(0)
        pull.cancel()
        await push
        await asyncio.wait([pull])
        if not pull.cancelled():
            got.append(pull.result())
    while len(got) < 200:
        got.append(await soon(sender.transport.pull("work")))
    assert sorted(got) == sorted(b"%d" % number for number in range(200))


async def test_give_back(connect):
    """What is given back goes out first, even if the queue is full."""
    sender, receiver = connect(), connect()
    await sender.transport.push("work", b"1", capacity=1, expiry=60)
    payload = await soon(receiver.transport.pull("work"))
    await sender.transport.push("work", b"2", capacity=1, expiry=60)
    receiver.transport.give_back("work", payload, expiry=60)
    assert await soon(receiver.transport.pull("work")) == b"1"
    assert await soon(receiver.transport.pull("work")) == b"2"


# Queues bound to topics.


async def test_bind(connect):
    """A bound queue gets what anybody publishes, and keeps its order and its capacity."""
    binder, sender = connect(), connect()
    await binder.transport.bind("g:room", "work", capacity=2, expiry=60, lifetime=60)
    await binder.transport.publish_confirmed("g:room", b"1")
    for payload in (b"2", b"3"):
        assert await sender.transport.publish_confirmed("g:room", payload)
    assert await soon(sender.transport.pull("work")) == b"1"
    assert await soon(sender.transport.pull("work")) == b"2"
    await sender.transport.publish_confirmed("g:room", b"4")
    assert await soon(sender.transport.pull("work")) == b"4"


async def test_binding_outlives_binder(connect):
    """A binding stays when the process that made it goes."""
    binder, sender = connect(), connect()
    await binder.transport.bind("g:room", "work", **FOREVER, lifetime=60)
    await binder.transport.aclose()
    await sender.transport.publish_confirmed("g:room", b"hello")
    assert await soon(sender.transport.pull("work")) == b"hello"


async def test_unbind(connect):
    """Any process may undo a binding."""
    binder, other = connect(), connect()
    await binder.transport.bind("g:room", "work", **FOREVER, lifetime=60)
    await other.transport.unbind("g:room", "work")
    await binder.transport.publish_confirmed("g:room", b"missed")
    await binder.transport.push("work", b"hello", **FOREVER)
    assert await soon(other.transport.pull("work")) == b"hello"


async def test_binding_ends(connect):
    """A binding ends after its time."""
    peer = connect()
    await peer.transport.bind("g:room", "work", **FOREVER, lifetime=0.02)
    await asyncio.sleep(0.03)  # the passing of time is what is tested
    await peer.transport.publish_confirmed("g:room", b"missed")
    await peer.transport.push("work", b"hello", **FOREVER)
    assert await soon(peer.transport.pull("work")) == b"hello"


async def test_binding_outlives_an_expired_payload(connect):
    """A payload that nobody pulled in time is dropped; those that follow still come."""
    peer = connect()
    await peer.transport.bind("g:room", "work", capacity=100, expiry=0.02, lifetime=60)
    await peer.transport.publish_confirmed("g:room", b"expires")
    await asyncio.sleep(0.03)  # the passing of time is what is tested
    await peer.transport.bind("g:room", "work", **FOREVER, lifetime=60)
    await peer.transport.publish_confirmed("g:room", b"hello")
    assert await soon(peer.transport.pull("work")) == b"hello"


async def test_clear_queues(connect):
    """Clearing empties queues and undoes bindings; who waits goes on waiting."""
    one, two = connect(), connect()
    await one.transport.bind("g:room", "work", **FOREVER, lifetime=60)
    await one.transport.push("work", b"old", **FOREVER)
    pull = asyncio.create_task(two.transport.pull("other"))
    await two.transport.clear_queues()
    await one.transport.publish_confirmed("g:room", b"missed")
    await one.transport.push("work", b"new", **FOREVER)
    await one.transport.push("other", b"hello", **FOREVER)
    assert await soon(two.transport.pull("work")) == b"new"
    assert await soon(pull) == b"hello"


async def test_no_confirmation_before_delivery(connect):
    """A confirmation comes after the payload has been handled, not before."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    publishing = [
        asyncio.create_task(sender.transport.publish_confirmed("g:room", b"%d" % number))
        for number in range(50)
    ]
    for number, task in enumerate(publishing):
        await soon(task)
        assert len(receiver.received) > number
    await until(lambda: len(receiver.received) == 50)
