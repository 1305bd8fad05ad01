"""Frames that one system call takes: those after which more are likely to follow."""

from __future__ import annotations

import asyncio
import contextlib

from websockets.frames import Frame, Opcode

from channels_bridge.server.websocket.writer import JOIN_LIMIT, NextRound
from compat_tests.engine import DEADLINE, Script, until
from compat_tests.server.websocket.small_applications import accept, close_of


class Gate:
    """An application that leaves its events alone until it is told to go on.

    Args:
        answer: what it sends for each of them.
    """

    def __init__(self, answer):
        self._answer = answer
        self._open = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await accept(receive, send)
        await self._open.wait()
        await self._answer(receive, send)

    def open(self):
        self._open.set()


async def echo(receive, send):
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


class Recorder:
    """A transport that notes what is written to it."""

    def __init__(self, transport):
        self._transport = transport
        self.written = []

    def write(self, data):
        self.written.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name):
        return getattr(self._transport, name)


def text(message):
    return Frame(Opcode.TEXT, message.encode()).serialize(mask=False)


@contextlib.asynccontextmanager
async def left_waiting(serve, answer, messages, **options):
    """A client whose messages wait; its connection, what notes its writes, what lets it go on."""
    gate = Gate(answer)
    engine = await serve(Script(gate), **options)
    async with engine.connect(compression=None) as websocket:
        (connection,) = engine.context.connections
        connection.writer.transport = recorder = Recorder(connection.transport)
        for message in messages:
            await websocket.send(message)
        await until(lambda: connection.inbox.waiting == len(messages))
        yield websocket, connection, recorder, gate


async def test_answers_to_what_waits_are_joined(serve):
    """Answers to messages that wait leave with one write, in order."""
    async with left_waiting(serve, echo, "abc") as (websocket, _, recorder, gate):
        gate.open()
        assert [await websocket.recv() for _ in range(3)] == ["a", "b", "c"]
        assert recorder.written == [text("a") + text("b") + text("c")]


async def test_an_answer_does_not_wait_for_the_next_one(serve):
    """What is sent while more waits leaves, though the application takes its time for the rest."""

    async def answer_one(receive, send):
        await send({**await receive(), "type": "websocket.send"})
        await asyncio.Event().wait()

    waiting = left_waiting(serve, answer_one, "ab", close_timeout=0.1)
    async with waiting as (websocket, _, _, gate):
        gate.open()
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "a"


async def test_shared_frames_are_joined(serve):
    """What reaches an idle consumer's client within one round of the loop leaves with one write."""
    async with left_waiting(serve, echo, "") as (websocket, connection, recorder, _):
        assert connection.sender.send_now("a")
        assert connection.sender.send_now("b")
        assert recorder.written == []
        assert [await websocket.recv() for _ in range(2)] == ["a", "b"]
        assert recorder.written == [text("a") + text("b")]


async def test_the_close_frame_comes_last(serve):
    """What was sent before the end of the connection is received before it."""

    async def answer_and_close(receive, send):
        await send({**await receive(), "type": "websocket.send"})
        await send({"type": "websocket.close", "code": 4000})

    waiting = left_waiting(serve, answer_and_close, "ab")
    async with waiting as (websocket, _, recorder, gate):
        gate.open()
        assert await websocket.recv() == "a"
        assert (await close_of(websocket)).code == 4000
        assert recorder.written == [
            text("a") + Frame(Opcode.CLOSE, b"\x0f\xa0").serialize(mask=False)
        ]


async def test_what_waits_to_be_written_is_bounded(serve):
    """Large messages are written at once: no more than a few KiB wait for the next one."""
    messages = ["x" * JOIN_LIMIT] * 4
    async with left_waiting(serve, echo, messages) as (websocket, _, recorder, gate):
        gate.open()
        for _ in range(4):
            await websocket.recv()
        assert [len(data) for data in recorder.written] == [len(text("x" * JOIN_LIMIT))] * 4


async def test_nothing_is_written_after_the_end(serve):
    """What waits to be written when the connection is lost is dropped with it."""
    async with left_waiting(serve, echo, "ab") as (websocket, connection, recorder, gate):
        connection.writer.write(text("lost"), more=True)
        connection.transport.abort()
        await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
        gate.open()
    assert recorder.written == []


class Flushed:
    """A writer that notes its flushes, and does something with each."""

    def __init__(self, done, then):
        self._done = done
        self._then = then

    def flush(self):
        self._done.append(self)
        self._then()


async def test_the_next_round_is_one_for_all():
    """Writers are flushed in the next round of the loop, in order; those that it adds, later."""
    done = []
    next_round = NextRound()
    later = Flushed(done, lambda: None)
    first = Flushed(done, lambda: next_round.add(later))
    second = Flushed(done, lambda: None)
    next_round.add(first)
    next_round.add(second)
    assert done == []
    await asyncio.sleep(0)
    assert done == [first, second]
    await asyncio.sleep(0)
    assert done == [first, second, later]
