"""The queue of an event stream: bounded, and filled by any thread."""

from __future__ import annotations

import asyncio
import threading
import time

from channels_bridge.event_stream.stream_inbox import StreamInbox

DEADLINE = 30.0


async def drain(inbox: StreamInbox, count: int) -> list[int]:
    """Take messages as a stream does, until there were so many."""
    taken: list[int] = []
    while len(taken) < count:
        if (message := inbox.pop()) is not None:
            taken.append(message)
        else:
            await inbox.wait(DEADLINE)
    return taken


async def test_filled_by_threads() -> None:
    """What threads put there is taken, each thread's in its order, and no wake-up is missed."""
    inbox = StreamInbox()
    inbox.capacity = 100_000

    def fill(number: int) -> None:
        for index in range(2000):
            assert inbox.put_message(number * 10_000 + index)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    taken = await asyncio.wait_for(drain(inbox, 8000), DEADLINE)
    for number, thread in enumerate(threads):
        thread.join()
        own = [message for message in taken if message // 10_000 == number]
        assert own == sorted(own) and len(own) == 2000


async def test_bounds() -> None:
    """It takes no more than its capacity, and skips what has expired; the oldest can be dropped."""
    inbox = StreamInbox()
    inbox.capacity = 2
    assert inbox.put_message("old", time.monotonic() - 1) and inbox.put_message("new")
    assert not inbox.put_message("too many")
    assert inbox.pop() == "new" and inbox.pop() is None
    inbox.put_message("of a group with history")
    inbox.put_message("other", time.monotonic() + DEADLINE)
    inbox.drop_oldest()
    inbox.drop_oldest()
    assert (inbox.pop(), inbox.waiting) == ("of a group with history", 0)


async def test_waiting() -> None:
    """Who waits is called for a message, for its feed and at the end; or when it is time."""
    inbox = StreamInbox()
    for call in (lambda: inbox.put_message("news"), inbox.wake, inbox.overflow):
        waiting = asyncio.create_task(inbox.wait(DEADLINE * 10))
        await asyncio.sleep(0)
        threading.Thread(target=call).start()
        await asyncio.wait_for(waiting, DEADLINE)
    assert inbox.is_ended
    inbox.wake()  # while nobody waits: the next who does looks first
    await asyncio.wait_for(inbox.wait(DEADLINE * 10), DEADLINE)
    await inbox.wait(0)
    await inbox.wait(-1)
