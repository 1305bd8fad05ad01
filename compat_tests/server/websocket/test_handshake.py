"""The handshake, and how an application may decide it."""

from __future__ import annotations

import asyncio
import gc

import pytest
from websockets.frames import Opcode

from channels_bridge.server.websocket.handshake import Handshake
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import (
    ACCEPT,
    echo,
    sending,
    status_of,
)


async def test_scope(serve):
    """The scope has every key that Daphne or uvicorn gives, in the form that the ASGI spec says."""
    app = Script(echo)
    engine = await serve(app)
    async with engine.connect(
        "/a%2Fb/%C3%A9?q=%20", subprotocols=["one", "two"], additional_headers={"X-A": "1"}
    ):
        pass
    await app.finished()
    scope = app.scope
    assert scope["type"] == "websocket"
    assert scope["path"] == "/a/b/é"
    assert scope["raw_path"] == b"/a%2Fb/%C3%A9"
    assert scope["query_string"] == b"q=%20"
    assert scope["root_path"] == ""
    assert scope["scheme"] == "ws"
    assert scope["subprotocols"] == ["one", "two"]
    assert (b"x-a", b"1") in scope["headers"]
    assert scope["server"] == ("127.0.0.1", engine.port)
    assert scope["client"][0] == "127.0.0.1"
    assert scope["state"] == {"from": "lifespan"}
    assert "websocket.http.response" in scope["extensions"]


async def test_subprotocol_and_headers_of_accept(serve):
    """A consumer chooses the subprotocol and may add headers, such as a cookie."""
    headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    engine = await serve(sending({**ACCEPT, "subprotocol": "two", "headers": headers}))
    async with engine.connect(subprotocols=["one", "two"]) as websocket:
        assert websocket.subprotocol == "two"
        assert websocket.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


async def test_headers_are_sent_as_they_are(serve):
    """A header's bytes reach the client unchanged, ASCII or not."""
    name = (b"x-name", "Zoë".encode())
    engine = await serve(sending({**ACCEPT, "headers": [name]}))
    response = await engine.request(HANDSHAKE + frame(Opcode.CLOSE, b""))
    assert b"x-name: Zo\xc3\xab\r\n" in response
    denial = {"type": "websocket.http.response.start", "status": 404, "headers": [name]}
    engine = await serve(sending(denial, {"type": "websocket.http.response.body"}))
    assert b"x-name: Zo\xc3\xab\r\n" in await engine.request(HANDSHAKE)


async def test_close_before_accept_is_403(serve):
    """A consumer that denies: 403 for the client, a disconnect with 1006 for the consumer."""
    app = sending({"type": "websocket.close", "code": 4001})
    engine = await serve(app)
    response = await status_of(engine)
    assert (response.status_code, response.body) == (403, b"")
    assert (await app.finished())[-1] == {
        "type": "websocket.disconnect",
        "code": 1006,
        "reason": "",
    }


async def test_denial_response(serve):
    """A consumer may deny with a response of its own (ASGI extension websocket.http.response)."""
    app = sending(
        {"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]},
        {"type": "websocket.http.response.body", "body": b"short ", "more_body": True},
        {"type": "websocket.http.response.body", "body": b"and stout"},
    )
    engine = await serve(app)
    response = await status_of(engine)
    assert (response.status_code, response.body) == (418, b"short and stout")
    assert response.headers["X-Why"] == "tea"
    assert (await app.finished())[-1]["code"] == 1006


async def test_exception_before_accept_is_500(serve, caplog):
    """An application that fails to decide: 500 without a traceback, which goes to the log."""

    async def body(scope, receive, send):
        raise LookupError("secret")

    engine = await serve(Script(body))
    response = await status_of(engine)
    assert response.status_code == 500
    assert b"secret" not in response.body
    assert caplog.records[-1].exc_info[0] is LookupError


async def test_return_before_accept_is_500(serve, caplog):
    """An application that returns without deciding: 500, and the log says so."""

    async def body(scope, receive, send):
        pass

    engine = await serve(Script(body))
    assert (await status_of(engine)).status_code == 500
    assert "the application returned while waiting" in caplog.text


async def test_no_decision_is_504(serve, caplog):
    """An application that never decides: 504 after the time limit, then a disconnect."""

    async def body(scope, receive, send):
        while (await receive())["type"] != "websocket.disconnect":
            pass

    app = Script(body)
    engine = await serve(app, handshake_timeout=0.1)
    assert (await status_of(engine)).status_code == 504
    assert [event["type"] for event in await app.finished()] == [
        "websocket.connect",
        "websocket.disconnect",
    ]
    assert "neither accepted nor denied within 0.1 s" in caplog.text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "websocket.send", "text": "early"}, "while waiting for the application"),
        ({**ACCEPT, "subprotocol": "unheard"}, "is not one that the client offered"),
        ({**ACCEPT, "headers": [(b"sec-websocket-protocol", b"x")]}, "give the subprotocol as"),
        ({**ACCEPT, "headers": [(b"x\r\ny", b"x")]}, "invalid header name"),
        ({**ACCEPT, "headers": [(b"x", b"a\r\nset-cookie: b")]}, "invalid value of header"),
        ({"type": "websocket.http.response.body"}, "while waiting for the application"),
        ({"type": "http.response.start"}, "while waiting for the application"),
    ],
)
async def test_wrong_message_before_accept(serve, caplog, message, words):
    """A mistake of the application in the handshake: 500, and the log says what was wrong."""
    engine = await serve(sending(message))
    assert (await status_of(engine)).status_code == 500
    assert words in str(caplog.records[-1].exc_info[1])


async def test_client_gone_before_accept(serve):
    """A client that leaves during the handshake: the application is told, its accept is silent."""
    connected, gone = asyncio.Event(), asyncio.Event()

    async def body(scope, receive, send):
        await receive()
        connected.set()
        assert (await receive())["code"] == 1006
        await send(ACCEPT)
        gone.set()

    engine = await serve(Script(body))
    client = await engine.open(HANDSHAKE)
    await asyncio.wait_for(connected.wait(), DEADLINE)
    client.abort()
    await asyncio.wait_for(gone.wait(), DEADLINE)


async def test_end_of_stream_while_the_application_decides(serve):
    """A client that ends its side during the handshake is gone; a late decision does no harm."""
    connected = asyncio.Event()
    told = asyncio.Event()

    async def body(scope, receive, send):
        await receive()
        connected.set()
        assert (await receive())["code"] == 1006
        await send({"type": "websocket.close"})
        told.set()

    engine = await serve(Script(body), handshake_timeout=0.1)
    client = await engine.open(HANDSHAKE)
    await asyncio.wait_for(connected.wait(), DEADLINE)
    client.write_eof()
    await asyncio.wait_for(told.wait(), DEADLINE)
    assert await client.read() == b""


async def test_a_handshake_goes_once_it_is_accepted(serve):
    """An open connection does not keep its handshake, which takes more memory than all the rest."""
    engine = await serve(Script(echo))
    gc.collect()  # of other tests' garbage
    gc.disable()
    try:
        async with engine.connect() as websocket:
            await websocket.send("a")
            assert await websocket.recv() == "a"
            assert handshakes() == []
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "line, other",
    [
        (b"Version: 13", b"Version: 12"),
        (b"Sec-WebSocket-Version: 13\r\n", b""),
        (b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: !"),
    ],
)
async def test_a_handshake_goes_once_it_is_refused(serve, line, other):
    """Nor does one that waits for its client to close after a refusal."""
    engine = await serve(Script(echo))
    gc.collect()
    gc.disable()
    try:
        client = await engine.open(HANDSHAKE.replace(line, other))
        assert b" 4" in await client.read_until(b"\r\n")
        assert len(engine.context.connections) == 1
        assert handshakes() == []
    finally:
        gc.enable()


def handshakes():
    """All that there are in this process."""
    return [each for each in gc.get_objects() if type(each) is Handshake]
