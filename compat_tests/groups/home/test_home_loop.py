"""The loop on which layers live, and what others ask of it."""

from __future__ import annotations

import asyncio
import threading

from channels_bridge.groups.home import home_loop


async def test_cancelled_before_it_began() -> None:
    """What is cancelled before the loop comes to it does not begin: the next would be beside it."""
    home, go_on, began = home_loop.loop(), threading.Event(), []

    async def receive(number: int) -> int:
        began.append(number)
        return number

    def give_back(number: int) -> None:
        raise AssertionError("it had nothing")

    home.call_soon_threadsafe(go_on.wait)
    first = asyncio.create_task(home_loop.fetch(home, receive(1), give_back))
    await asyncio.sleep(0)  # it asks
    first.cancel()
    await asyncio.wait([first])
    go_on.set()
    assert await home_loop.fetch(home, receive(2), give_back) == 2
    assert began == [2]
