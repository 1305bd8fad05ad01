"""The inbox: one bounded queue for socket events and layer messages."""

from __future__ import annotations

import asyncio
import time

import pytest

from channels_bridge.server.websocket.inbox import HIGH_WATER, LOW_WATER, Inbox


def event(number):
    return {"type": "websocket.receive", "text": str(number)}


async def test_events_and_messages_come_in_order_of_arrival():
    """A consumer handles socket events and group messages in the order in which they arrived."""
    inbox = Inbox()
    inbox.put_event(event(1))
    inbox.put_message({"type": "chat.message", "n": 2})
    inbox.put_event(event(3))
    received = [await inbox.get() for _ in range(3)]
    assert received == [event(1), {"type": "chat.message", "n": 2}, event(3)]


async def test_get_waits_for_what_comes():
    """A consumer with nothing to do wakes up for the next event."""
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_event(event(1))
    assert await waiting == event(1)


async def test_messages_beyond_capacity_are_dropped_newest_first():
    """A full inbox keeps what it has, and says that it dropped the new message."""
    inbox = Inbox()
    inbox.capacity = 2
    assert [inbox.put_message({"type": "m", "n": n}) for n in range(3)] == [True, True, False]
    assert [(await inbox.get())["n"], (await inbox.get())["n"]] == [0, 1]
    assert inbox.put_message({"type": "m", "n": 4})


async def test_capacity_does_not_touch_socket_events():
    """Group messages that fill the inbox never cost the client's own messages or its disconnect."""
    inbox = Inbox()
    inbox.capacity = 1
    inbox.put_message({"type": "m"})
    inbox.put_event({"type": "websocket.disconnect", "code": 1001})
    await inbox.get()
    assert (await inbox.get())["type"] == "websocket.disconnect"


async def test_reader_is_paused_and_resumed():
    """A client that sends faster than its consumer works is read no further for a while."""
    resumed = []

    class Producer:
        def inbox_drained(self):
            resumed.append(True)

    inbox = Inbox(Producer())
    assert [inbox.put_event(event(n)) for n in range(HIGH_WATER)].index(True) == HIGH_WATER - 1
    for _ in range(HIGH_WATER - LOW_WATER - 1):
        await inbox.get()
    assert not resumed
    await inbox.get()
    assert resumed == [True]


async def test_expired_messages_are_skipped():
    """A message that waited longer than the layer's expiry is not delivered any more."""
    inbox = Inbox()
    inbox.put_message({"type": "old"}, time.monotonic() - 1)
    inbox.put_message({"type": "new"}, time.monotonic() + 60)
    assert (await inbox.get())["type"] == "new"


async def test_cancelling_get_loses_nothing():
    """An application that gives up waiting finds the event at its next try."""
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_event(event(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await inbox.get() == event(1)


async def test_two_waiters_are_an_error():
    """Two tasks that receive from one connection would steal each other's events."""
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await inbox.get()
    waiting.cancel()


async def test_a_busy_consumer_lets_others_on():
    """A consumer that is never out of work does not keep the others from theirs."""
    inbox = Inbox()
    others = asyncio.Event()
    asyncio.get_running_loop().call_soon(others.set)
    while not others.is_set():
        inbox.put_message({"type": "again"})
        await inbox.get()


async def test_the_oldest_message_can_make_room():
    """A layer may drop the message that has waited longest; what does not expire stays."""
    inbox = Inbox()
    inbox.capacity = 3
    inbox.drop_oldest()
    later = time.monotonic() + 60
    inbox.put_event(event(1))
    inbox.put_message({"type": "m", "n": 2})
    inbox.put_message({"type": "m", "n": 3}, later)
    inbox.put_event(event(4))
    inbox.put_message({"type": "m", "n": 5}, later)
    inbox.drop_oldest()
    assert inbox.put_message({"type": "m", "n": 6}, later)
    received = [await inbox.get() for _ in range(5)]
    assert [item.get("n") or item for item in received] == [event(1), 2, event(4), 5, 6]


async def test_an_inbox_without_a_connection_closes_nothing():
    """Where nobody can end the connection, an overflow only drops."""
    Inbox().overflow()
