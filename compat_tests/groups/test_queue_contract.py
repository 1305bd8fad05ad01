"""The contract of every transport's named queues, and of queues that are bound to topics."""

from __future__ import annotations

import asyncio

from compat_tests.groups.hubs import soon

FOREVER = {"capacity": 1000, "expiry": 60}


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
    await receiver.transport.ask("g:nobody", b"")
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
    await receiver.transport.ask("g:nobody", b"")
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
        await sender.transport.publish_confirmed("g:room", payload)
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
