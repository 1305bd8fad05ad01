"""Calls from other threads into the event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from channels_bridge.server.calls_from_threads import Crossing
from compat_tests.engine import DEADLINE


async def test_calls_are_made_in_order_on_the_loop(monkeypatch):
    """Calls from a thread are made on the loop, in order, with one wake-up for those that wait."""
    crossing = Crossing()
    loop = asyncio.get_running_loop()
    wakes, numbers, done = [], [], asyncio.Event()

    class Loop:
        def call_soon_threadsafe(self, callback):
            wakes.append(callback)

    def call(number):
        numbers.append((number, threading.get_ident()))

    monkeypatch.setattr(crossing, "_loop", Loop())
    with ThreadPoolExecutor(1) as thread:
        for number in range(100):
            thread.submit(crossing.call_soon, lambda number=number: call(number))
        thread.submit(crossing.call_soon, done.set)
    (wake,) = wakes
    loop.call_soon(wake)
    await asyncio.wait_for(done.wait(), DEADLINE)
    assert numbers == [(number, threading.get_ident()) for number in range(100)]
    crossing.call_soon(done.set)
    assert len(wakes) == 2


async def test_a_thread_is_not_overtaken_by_itself(monkeypatch):
    """What a thread hands over comes before what it has the loop do next, whoever wakes that."""
    crossing, loop = Crossing(), asyncio.get_running_loop()
    waking, go, done = threading.Event(), threading.Event(), asyncio.Event()
    order = []

    class SlowLoop:
        def call_soon_threadsafe(self, callback):
            waking.set()
            go.wait(DEADLINE)
            loop.call_soon_threadsafe(callback)

    def send():
        crossing.call_soon(lambda: order.append("handed over"))
        loop.call_soon_threadsafe(order.append, "later")

    monkeypatch.setattr(crossing, "_loop", SlowLoop())
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(crossing.call_soon, lambda: order.append("another's"))
        await asyncio.to_thread(waking.wait, DEADLINE)
        second = threads.submit(send)
        await asyncio.wait([asyncio.wrap_future(second)], timeout=0.1)  # it should not end
        go.set()
        await asyncio.gather(*map(asyncio.wrap_future, (first, second)))
        loop.call_soon(done.set)
        await asyncio.wait_for(done.wait(), DEADLINE)
    assert order == ["another's", "handed over", "later"]


async def test_no_call_is_lost_between_threads():
    """Threads that call while the loop takes calls have each one made, once, in their order."""
    crossing = Crossing()
    loop = asyncio.get_running_loop()
    made = {thread: [] for thread in range(3)}

    def make(thread):
        for number in range(5000):
            crossing.call_soon(lambda number=number: made[thread].append(number))

    with ThreadPoolExecutor(3) as threads:
        await asyncio.gather(*[loop.run_in_executor(threads, make, thread) for thread in made])
    done = asyncio.Event()
    crossing.call_soon(done.set)
    await asyncio.wait_for(done.wait(), DEADLINE)
    assert list(made.values()) == [list(range(5000))] * 3


async def test_a_call_that_fails_costs_others_nothing():
    """An exception in a call goes to the loop's handler, and the call behind it is made."""
    crossing = Crossing()
    errors, done = [], asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: errors.append(context["exception"]))
    crossing.call_soon(lambda: 1 // 0)
    crossing.call_soon(done.set)
    await asyncio.wait_for(done.wait(), DEADLINE)
    assert [type(error) for error in errors] == [ZeroDivisionError]
