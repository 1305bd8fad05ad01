"""``WEBSOCKET_SYNC_THREADS``: synchronous consumers side by side."""

from __future__ import annotations

import asyncio
import threading

from channels.generic.websocket import WebsocketConsumer

from channels_bridge.runloop.sync_threads import SyncThreads
from compat_tests.engine import DEADLINE


class Meeting(WebsocketConsumer):
    """Two of these can only go on together."""

    def __init__(self, barrier, threads):
        super().__init__()
        self.barrier = barrier
        self.threads = threads

    def note(self):
        self.threads.setdefault(self, set()).add(threading.get_ident())

    def connect(self):
        self.note()
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        self.note()
        if text_data == "meet":
            self.barrier.wait(DEADLINE)
        self.send(text_data)

    def disconnect(self, code):
        self.note()


async def test_synchronous_consumers_run_side_by_side(serve):
    """With two threads, two consumers that wait for each other both go on; each on its thread."""
    threads = {}
    meeting = Meeting.as_asgi(barrier=threading.Barrier(2), threads=threads)
    engine = await serve(SyncThreads(meeting, 2))
    async with engine.connect() as one, engine.connect() as two:
        for websocket in (one, two):
            await websocket.send("meet")
        for websocket in (one, two):
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "meet"
    await engine.idle()
    (first,), (second,) = threads.values()
    assert first != second


async def test_connections_are_even_over_threads(serve):
    """New connections go to the thread that has the fewest, also after others have left."""
    threads = {}
    meeting = Meeting.as_asgi(barrier=None, threads=threads)
    engine = await serve(SyncThreads(meeting, 2))
    async with engine.connect():
        async with engine.connect():
            pass
        await asyncio.wait_for(_one_left(engine), DEADLINE)
        async with engine.connect():
            pass
    await engine.idle()
    (first,), (second,), (third,) = threads.values()
    assert second == third != first


async def _one_left(engine):
    while len(engine.context.tasks) > 1:
        await asyncio.wait(engine.context.tasks, return_when=asyncio.FIRST_COMPLETED)
