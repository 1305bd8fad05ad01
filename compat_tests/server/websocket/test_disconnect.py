"""The end of a connection: who closes it, with which code, and who is told."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Opcode

from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import (
    ACCEPT,
    accept,
    close_of,
    echo,
    sending,
)


async def test_close_code_and_reason_reach_the_client(serve):
    """What the consumer closes with is what the client sees, and what the consumer is told."""
    app = sending(ACCEPT, {"type": "websocket.close", "code": 4123, "reason": "enough"})
    engine = await serve(app)
    async with engine.connect() as websocket:
        close = await close_of(websocket)
    assert (close.code, close.reason) == (4123, "enough")
    last = (await app.finished())[-1]
    assert last == {"type": "websocket.disconnect", "code": 4123, "reason": "enough"}


async def test_client_close_reaches_the_consumer(serve):
    """The client's code and reason are in the disconnect event; its code comes back."""
    app = Script(echo)
    engine = await serve(app)
    websocket = await engine.connect()
    await websocket.close(4321, "bye")
    assert websocket.protocol.close_rcvd.code == 4321
    last = (await app.finished())[-1]
    assert last == {"type": "websocket.disconnect", "code": 4321, "reason": "bye"}


async def test_client_close_without_a_code(serve):
    """A close frame without a code is 1005 (RFC 6455, 7.1.5)."""
    app = Script(echo)
    engine = await serve(app)
    response = await engine.request(HANDSHAKE + frame(Opcode.CLOSE, b""))
    assert response.endswith(b"\x88\x00")
    assert (await app.finished())[-1]["code"] == 1005


async def test_abrupt_end_is_1006(serve):
    """A client that vanishes: the consumer is told 1006 (RFC 6455, 7.1.5)."""
    app = Script(echo)
    engine = await serve(app)
    client = await engine.open(HANDSHAKE)
    await client.read_until(b"\r\n\r\n")
    client.reset()
    assert (await app.finished())[-1]["code"] == 1006


async def test_exception_is_1011(serve, caplog):
    """An application that fails: 1011 for the client, the traceback in the log."""

    async def body(scope, receive, send):
        await accept(receive, send)
        raise LookupError("secret")

    engine = await serve(Script(body))
    async with engine.connect() as websocket:
        close = await close_of(websocket)
    assert (close.code, close.reason) == (1011, "")
    assert caplog.records[-1].exc_info[0] is LookupError


async def test_return_is_a_normal_close(serve):
    """An application that returns has finished with the connection: 1000."""

    async def body(scope, receive, send):
        await accept(receive, send)

    engine = await serve(Script(body))
    async with engine.connect() as websocket:
        assert (await close_of(websocket)).code == 1000


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (ACCEPT, "'websocket.accept' while open"),
        ({"type": "websocket.send"}, "takes one of text and bytes"),
        ({"type": "websocket.send", "text": "a", "bytes": b"a"}, "takes one of text and bytes"),
        ({"type": "websocket.send", "text": {"a": 1}}, "is a dict; it must be a str: make one"),
        ({"type": "websocket.close", "code": 1006}, "cannot close with code 1006"),
        ({"type": "websocket.close", "code": 2999}, "cannot close with code 2999"),
        ({"type": "websocket.close", "reason": "x" * 124}, "cannot close with code 1000"),
    ],
)
async def test_wrong_message_after_accept(serve, caplog, message, words):
    """A mistake of the application on an open connection: 1011, and the log says what was wrong."""
    engine = await serve(sending(ACCEPT, message))
    async with engine.connect() as websocket:
        assert (await close_of(websocket)).code == 1011
    assert words in str(caplog.records[-1].exc_info[1])


async def test_sends_after_the_end_are_silent(serve):
    """A consumer that sends to a client that left, or after its own close, is not disturbed."""
    sent = asyncio.Event()

    async def body(scope, receive, send):
        await accept(receive, send)
        await send({"type": "websocket.close"})
        await send({"type": "websocket.send", "text": "late"})
        await send({"type": "websocket.close", "code": 4000})
        assert (await receive())["code"] == 1000
        await send({"type": "websocket.send", "text": "later"})
        sent.set()

    engine = await serve(Script(body))
    async with engine.connect() as websocket:
        assert (await close_of(websocket)).code == 1000
    await asyncio.wait_for(sent.wait(), DEADLINE)


async def test_application_that_ignores_the_disconnect_is_cancelled(serve, caplog):
    """An application that doesn't return is cancelled, with a line in the log."""

    async def body(scope, receive, send):
        await accept(receive, send)
        await asyncio.Event().wait()

    app = Script(body)
    engine = await serve(app, close_timeout=0.1)
    async with engine.connect():
        pass
    await app.finished()
    assert "did not return within 0.1 s" in caplog.text


async def test_shutdown_is_1001(serve):
    """A server that stops tells clients 1001, and applications before it waits for them."""
    app = Script(echo)
    engine = await serve(app)
    async with engine.connect() as websocket:
        await websocket.send("a")
        await websocket.recv()
        stopping = asyncio.create_task(engine.stop())
        assert (await close_of(websocket)).code == 1001
    await stopping
    assert (await app.finished())[-1]["code"] == 1001


async def test_shutdown_cancels_what_does_not_return(serve, caplog):
    """A server that stops cancels applications that don't return by the deadline."""

    async def body(scope, receive, send):
        await accept(receive, send)
        await asyncio.Event().wait()

    engine = await serve(Script(body), shutdown_timeout=0.1)
    async with engine.connect():
        await engine.stop()
    assert "1 applications did not return in time" in caplog.text
