"""Messages over one WebSocket connection: what passes, what is refused, what is logged."""

from __future__ import annotations

import asyncio
import logging

import pytest
from websockets.frames import Opcode

from compat_tests.clients.dialogue import Dialogue
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import (
    ACCEPT,
    accept,
    close_of,
    echo,
    sending,
)


async def test_text_and_bytes_come_back(serve):
    """Text and binary messages pass in both directions, empty ones too, each under one key."""
    app = Script(echo)
    engine = await serve(app)
    async with engine.connect() as websocket:
        for message in ("hé", "", b"\x00\xff", b"", "x" * 100_000):
            await websocket.send(message)
            assert await websocket.recv() == message
    events = await app.finished()
    assert all(len(event) == 2 for event in events if event["type"] == "websocket.receive")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(Opcode.TEXT, b"x" * 1001), 1009),
        (frame(Opcode.TEXT, b"x" * 600, fin=False) + frame(Opcode.CONT, b"x" * 600), 1009),
        (frame(Opcode.TEXT, b"\xff"), 1007),
        (frame(Opcode.TEXT, b"\xc3", fin=False) + frame(Opcode.CONT, b"x"), 1007),
        (frame(Opcode.CONT, b"x"), 1002),
        (frame(Opcode.TEXT, b"unmasked", mask=b""), 1002),
        (frame(Opcode.CLOSE, b"\x03\xee"), 1002),  # 1006 must not be on the wire
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
    ],
    ids=[
        "large",
        "large in fragments",
        "not UTF-8",
        "not UTF-8 over two fragments",
        "nothing to continue",
        "unmasked",
        "reserved code",
        "reserved bits",
    ],
)
async def test_violations(serve, data, code):
    """What a client may not send is answered with the close code of RFC 6455, 7.4.1."""
    app = Script(echo)
    engine = await serve(app, max_message_size=1000)
    dialogue = Dialogue()
    dialogue.take(await engine.request(HANDSHAKE + data))
    assert (dialogue.messages, dialogue.close_rcvd.code) == ([], code)
    assert (await app.finished())[-1]["code"] == code


async def test_fragments_are_joined(serve):
    """A message in several frames is one event, a split character whole again."""
    app = Script(echo)
    engine = await serve(app)
    parts = frame(Opcode.TEXT, b"\xc3", fin=False) + frame(Opcode.PING, b"p")
    parts += frame(Opcode.CONT, b"\xa9") + frame(Opcode.CLOSE, b"")
    await engine.request(HANDSHAKE + parts)
    assert (await app.finished())[1] == {"type": "websocket.receive", "text": "é"}


async def test_keepalive(serve):
    """An idle client is asked for a sign of life, and closed with 1011 where it gives none."""
    app = Script(echo)
    engine = await serve(app, ping_interval=0.05, ping_timeout=DEADLINE)
    async with engine.connect() as websocket:
        await asyncio.wait_for(_pings(websocket, 3), DEADLINE)
    assert (await app.finished())[-1]["code"] == 1000

    mute = Script(echo)
    engine = await serve(mute, ping_interval=0.05, ping_timeout=0.05)
    response = await engine.request(HANDSHAKE)
    assert response.endswith(b"\x03\xf3keepalive ping timeout")
    assert (await mute.finished())[-1]["code"] == 1011


async def _pings(websocket, count):
    seen = asyncio.Semaphore(0)
    recv_frame = websocket.protocol.recv_frame

    def recording(frame):
        if frame.opcode is Opcode.PING:
            seen.release()
        recv_frame(frame)

    websocket.protocol.recv_frame = recording
    for _ in range(count):
        await seen.acquire()


async def test_one_line_per_connection_opened_and_closed(serve, caplog):
    """The log has a line for the opening and one for the end, none for a message."""
    caplog.set_level(logging.INFO, "channels_bridge.access")
    app = Script(echo)
    engine = await serve(app)
    async with engine.connect("/room/") as websocket:
        await websocket.send("a")
        await websocket.recv()
    await app.finished()
    lines = [record.getMessage() for record in caplog.records]
    ours = [line for line in lines if line.startswith("WebSocket")]
    assert [line.split()[:3] for line in ours] == [
        ["WebSocket", "CONNECT", "/room/"],
        ["WebSocket", "DISCONNECT", "/room/"],
    ]


async def test_a_buffer_that_is_used_again(serve):
    """What was sent is what the buffer held at that moment."""
    buffer = bytearray(b"one")

    async def body(scope, receive, send):
        await accept(receive, send)
        await send({"type": "websocket.send", "bytes": buffer})
        buffer[:] = b"two"
        await send({"type": "websocket.send", "bytes": memoryview(buffer)})
        await receive()

    engine = await serve(Script(body))
    async with engine.connect() as websocket:
        assert [await websocket.recv(), await websocket.recv()] == [b"one", b"two"]


@pytest.mark.parametrize("message", [{"text": b"bytes"}, {"bytes": "str"}, {"bytes": 5}])
async def test_a_payload_of_the_wrong_type(serve, message):
    """Text that is no str and bytes that are none are the application's mistake: 1011."""
    engine = await serve(sending(ACCEPT, {"type": "websocket.send", **message}))
    async with engine.connect() as websocket:
        assert (await close_of(websocket)).code == 1011


async def test_log_lines_cannot_be_forged(serve, caplog):
    """What a client puts into its path does not begin another line, or paint the console."""
    caplog.set_level(logging.INFO, "channels_bridge.access")
    engine = await serve(Script(echo))
    await engine.request(
        HANDSHAKE.replace(b"GET / ", b"GET /a\x1b[31m ") + frame(Opcode.CLOSE, b"")
    )
    assert "WebSocket CONNECT /a\\x1b[31m [" in caplog.messages[0]
