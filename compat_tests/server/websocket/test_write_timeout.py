"""Clients that do not read what they are sent: real ones, and the watch on them."""

from __future__ import annotations

import asyncio
import socket

import pytest
from websockets.frames import Opcode

from channels_bridge.server.websocket import write_timeout
from channels_bridge.server.websocket.write_timeout import LOOKS, StallWatch
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import accept, echo

MESSAGE = b"x" * 2**16


async def streaming_or_echo(scope, receive, send):
    """Sends without end at /stream/, else what it gets."""
    if scope["path"] != "/stream/":
        await echo(scope, receive, send)
        return
    await accept(receive, send)
    gone = asyncio.ensure_future(receive())
    while not gone.done():
        await send({"type": "websocket.send", "bytes": MESSAGE})
    assert gone.result()["code"] == 1006


async def stalled_client(engine, handshake=HANDSHAKE):
    """A connection whose client takes a few KiB, and then reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", engine.port))
    await loop.sock_sendall(sock, handshake)
    return sock


def unsent(engine):
    """Bytes in the write buffer of each connection."""
    return [
        connection.transport.get_write_buffer_size() for connection in engine.context.connections
    ]


async def test_stalled_clients_are_cut_off(serve, caplog):
    """Clients that read nothing are ended and counted; meanwhile they cost others nothing, and the
    server no more than 64 KiB and a message each.
    """
    engine = await serve(streaming_or_echo, write_timeout=0.5)
    stream = HANDSHAKE.replace(b"GET /", b"GET /stream/")
    counters = engine.context.counters
    async with engine.connect() as active:
        stalled = [await stalled_client(engine, stream) for _ in range(20)]
        most = 0
        while counters.closed[1006] < 20:
            await active.send("still here")
            assert await asyncio.wait_for(active.recv(), DEADLINE) == "still here"
            most = max(most, *unsent(engine))
        assert counters.cut_off == {"write_timeout": 20}
        assert counters.open == 1
    assert 0 < most < 2**16 + 2 * len(MESSAGE)
    assert caplog.text.count("is cut off: the client reads nothing for 0.5 s") == 1
    for sock in stalled:
        sock.close()


async def test_answers_do_not_pile_up(serve):
    """A client that pings and does not read the answers is read no further, and then cut off."""
    app = Script(echo)
    engine = await serve(app, write_timeout=0.5)
    sock = await stalled_client(engine)
    loop = asyncio.get_running_loop()
    pings = frame(Opcode.PING, b"x" * 125) * 10_000
    flood = asyncio.ensure_future(_flood(loop, sock, pings))
    most = await asyncio.wait_for(_most_unsent(engine, app.done), DEADLINE)
    assert app.events[-1]["code"] == 1006
    assert most < 2**17
    assert engine.context.counters.cut_off == {"write_timeout": 1}
    await asyncio.wait_for(flood, DEADLINE)
    sock.close()


async def _most_unsent(engine, done):
    most = 0
    while not done.is_set():
        await asyncio.sleep(0)
        most = max([most, *unsent(engine)])
    return most


async def _flood(loop, sock, data):
    with pytest.raises(ConnectionError):
        while True:
            await loop.sock_sendall(sock, data)


async def test_a_close_does_not_wait_for_a_stalled_client(serve):
    """An application may close a connection whose client reads nothing, and is told at once."""
    full = asyncio.Event()

    async def body(scope, receive, send):
        await accept(receive, send)
        sender = asyncio.ensure_future(_send_until_full(send, full))
        await full.wait()
        await send({"type": "websocket.close", "code": 4000})
        assert (await receive())["code"] == 4000
        await sender

    app = Script(body)
    engine = await serve(app, close_timeout=1)
    sock = await stalled_client(engine)
    assert (await app.finished())[-1]["code"] == 4000
    sock.close()


async def _send_until_full(send, full):
    """Returns once a message was too many, whatever became of it."""
    while not full.is_set():
        sending = asyncio.ensure_future(send({"type": "websocket.send", "bytes": MESSAGE}))
        await asyncio.sleep(0)
        if not sending.done():
            full.set()
        await sending


class Clock:
    """A loop whose timers run when the test says so."""

    def __init__(self):
        self.timers = []

    def call_later(self, delay, callback):
        self.timers.append(callback)
        return self

    def cancel(self):
        self.timers.clear()

    def tick(self):
        callbacks, self.timers = self.timers, []
        for callback in callbacks:
            callback()


class Buffer:
    """A transport whose buffer is as full as the test says."""

    size = 100

    def get_write_buffer_size(self):
        return self.size


@pytest.fixture
def clock(monkeypatch):
    """A clock in the place of the event loop."""
    clock = Clock()
    monkeypatch.setattr(write_timeout.asyncio, "get_running_loop", lambda: clock)
    return clock


def test_progress(clock):
    """A client that takes a little within each timeout has as long as it needs."""
    buffer, stalled = Buffer(), []
    watch = StallWatch(buffer, 8, lambda: stalled.append(True))
    watch.start()
    for _ in range(20):
        for _ in range(LOOKS - 1):
            clock.tick()
        buffer.size -= 1
        clock.tick()
    assert not stalled and watch.is_watching
    for _ in range(LOOKS):
        buffer.size += 1  # more to send is no progress
        clock.tick()
    assert stalled == [True] and not watch.is_watching
    assert not clock.timers


def test_room_ends_the_watch(clock):
    """Nobody is watched any more once there is room; nor at all where the timeout is 0."""
    watch = StallWatch(Buffer(), 8, pytest.fail)
    watch.start()
    watch.stop()
    assert not watch.is_watching and not clock.timers
    StallWatch(Buffer(), 0, pytest.fail).start()
    assert not clock.timers
