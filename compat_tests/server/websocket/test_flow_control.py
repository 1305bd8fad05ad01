"""Flow control: who is slower, client or application, holds the other one up."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.flow_control import SLICE, Reading, Reason
from channels_bridge.server.websocket.receiver import Limits, Receiver
from compat_tests.clients.raw_bytes import HANDSHAKE
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import (
    accept,
)


async def test_a_client_that_floods_is_read_no_further(serve):
    """What a client sends faster than the application works waits with the client."""
    go = asyncio.Event()

    async def body(scope, receive, send):
        await accept(receive, send)
        await go.wait()
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": str(len(event["bytes"]))})

    engine = await serve(Script(body))
    size, count = 2**19, 64
    async with engine.connect(compression=None) as websocket:
        sending_all = asyncio.create_task(_send_all(websocket, b"x" * size, count))
        done, _ = await asyncio.wait([sending_all], timeout=0.5)
        assert not done  # 32 MiB: far more than sockets and the inbox hold
        go.set()
        for _ in range(count):
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == str(size)
        await sending_all


async def _send_all(websocket, message, count):
    for _ in range(count):
        await websocket.send(message)


async def test_a_client_that_does_not_read_makes_send_wait(serve):
    """What an application sends faster than the client reads waits with the application."""
    sent = 0

    async def body(scope, receive, send):
        nonlocal sent
        await accept(receive, send)
        for _ in range(400):
            await send({"type": "websocket.send", "bytes": b"x" * 2**18})
            sent += 1

    app = Script(body)
    engine = await serve(app, close_timeout=0.5)
    client = await engine.open(HANDSHAKE)
    await client.read_until(b"\r\n\r\n")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(app.done.wait(), 0.5)
    assert 0 < sent < 100
    client.abort()
    await app.finished()


async def test_compressed_flood(serve):
    """Messages that are tiny on the wire and large once inflated wait there, not in memory."""
    go = asyncio.Event()
    received = 0

    async def body(scope, receive, send):
        nonlocal received
        await accept(receive, send)
        await go.wait()
        while (await receive())["type"] == "websocket.receive":
            received += 1
            await send({"type": "websocket.send", "text": str(received)})

    engine = await serve(Script(body), ping_interval=0)
    async with engine.connect(compression="deflate") as websocket:
        for _ in range(100):
            await websocket.send(b"x" * 2**20)  # about 1 KiB when deflated
        with pytest.raises(asyncio.TimeoutError):  # the server has stopped reading
            await asyncio.wait_for(await websocket.ping(), 0.5)
        (connection,) = engine.context.connections
        assert len(connection.inbox._items) < 50
        go.set()
        for number in range(1, 101):
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == str(number)


class Transport(asyncio.Transport):
    """Nothing is read from it."""

    def is_closing(self):
        return False

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


class Pieces:
    """Notes what it is given, and says that a frame has begun."""

    def __init__(self):
        self.pieces = []
        self.left_of_frame = 0
        self.on_piece = lambda: None

    def receive(self, data):
        self.pieces.append(data)
        self.left_of_frame = max(self.left_of_frame - len(data), 0)
        self.on_piece()


DATA = b"".join(b"%08d" % number for number in range(SLICE))


def test_slices():
    """Much data is handled in slices, and held back as soon as there is a reason."""
    receiver = Pieces()
    reading = Reading(Transport(), receiver, limit=0)
    receiver.on_piece = lambda: len(receiver.pieces) == 3 and reading.hold(Reason.INBOX)
    reading.receive(DATA)
    assert [len(piece) for piece in receiver.pieces] == [SLICE] * 3
    reading.release(Reason.INBOX)
    assert b"".join(receiver.pieces) == DATA
    assert {len(piece) for piece in receiver.pieces} == {SLICE}


@pytest.mark.parametrize("left", [1, SLICE, 3 * SLICE + 5, 100 * SLICE])
def test_a_frame_is_a_piece(left):
    """What is left of a frame is handled at once: it makes no more than one message."""
    receiver = Pieces()
    reading = Reading(Transport(), receiver, limit=0)
    receiver.on_piece = lambda: (
        setattr(receiver, "left_of_frame", left) if len(receiver.pieces) == 1 else None
    )
    reading.receive(DATA)
    first, second, *others = map(len, receiver.pieces)
    assert first == SLICE
    assert second == min(max(left, SLICE), len(DATA) - SLICE)
    assert all(size <= SLICE for size in others)
    assert b"".join(receiver.pieces) == DATA


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_left_of_a_frame(wanted):
    """A receiver knows it once it has the header, while messages are wanted."""
    receiver = Receiver(None, Limits(ServerConfig(application="")))
    receiver._recipient, receiver._wanted = object(), True
    receiver._follow(b"\x82\xff" + (100_000).to_bytes(8, "big") + b"mask" + b"x" * 30_000)
    receiver._wanted = wanted
    assert receiver.left_of_frame == (70_000 if wanted else 0)
    receiver._follow(b"x" * 70_000)
    assert receiver.left_of_frame == 0
