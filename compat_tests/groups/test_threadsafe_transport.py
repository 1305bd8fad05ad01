"""Calls from threads and from the home loop reach a transport in the order of the calls."""

from __future__ import annotations

import asyncio
import threading

import pytest

from channels_bridge.groups.home import home_loop
from channels_bridge.groups.local_transport import LocalTransport
from channels_bridge.groups.threadsafe_transport import CrossingTransport


class Recorder(LocalTransport):
    """Notes what it is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def subscribe_nowait(self, topic):
        self.asked.append(f"subscribe {topic}")

    async def subscribe(self, topic):
        self.subscribe_nowait(topic)

    def unsubscribe(self, topic):
        self.asked.append(f"unsubscribe {topic}")


def in_thread(act):
    """Let another thread do something, to its end."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


@pytest.mark.parametrize("awaited", [False, True])
def test_order_between_threads(awaited):
    """Who leaves a group in a thread doesn't undo that somebody joins it afterwards."""
    recorder = Recorder()
    crossing = CrossingTransport(lambda: recorder, expiry=60)
    crossing.start(lambda topic, payload: True)

    async def join_after_another_thread_has_left():
        in_thread(lambda: crossing.unsubscribe("g:room"))
        if awaited:
            await crossing.subscribe("g:room")
        else:
            crossing.subscribe_nowait("g:room")

    there = asyncio.run_coroutine_threadsafe(join_after_another_thread_has_left(), home_loop.loop())
    there.result(10)
    asyncio.run_coroutine_threadsafe(crossing.aclose(), home_loop.loop()).result(10)
    assert recorder.asked == ["unsubscribe g:room", "subscribe g:room"]


def test_signal_handler_that_sends_alone():
    """It may have interrupted its thread where that counts what it sends."""
    crossing = CrossingTransport(LocalTransport, expiry=60)

    def count_within() -> None:
        with crossing._lock:  # where the handler comes
            crossing._note_sent_alone()

    thread = threading.Thread(target=count_within, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert crossing._sent_alone == 1
