"""Handshakes that are malformed, unusual, or what a proxy has left of them."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Opcode

from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import (
    ACCEPT,
    echo,
    sending,
)


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ((b"Version: 13", b"Version: 12"), b"400", "invalid Sec-WebSocket-Version header"),
        ((b"dGhlIHNhbXBsZSBub25jZQ==", b"short"), b"400", "invalid Sec-WebSocket-Key header"),
        ((b"GET / ", b"GET /\xc3\xa9 "), b"400", "the request target isn't ASCII"),
        ((b"GET / ", b"GET /?\xff "), b"400", "the request target isn't ASCII"),
        ((b"GET / ", b"GET  / "), b"400", "the request line is malformed"),
        ((b"HTTP/1.1", b"HTTP/2.0"), b"400", "the request line is malformed"),
        ((b"Host:", b"Host :"), b"400", "a header is malformed"),
        ((b"localhost", b"local\x00host"), b"400", "a header is malformed"),
        ((b"localhost", b"localhost\r\n b"), b"400", "a header is malformed"),
        ((b"localhost", b"localhost\nX: y"), b"400", "a header is malformed"),
        ((b"GET", b"POST"), b"405", "a handshake is a GET"),
        ((b"Host", b"Content-Length: 5\r\nHost"), b"400", "a handshake has no body"),
        ((b"Host", b"Transfer-Encoding: chunked\r\nHost"), b"400", "a handshake has no body"),
        (
            (b"Host: localhost", b"X: " + b"y" * 2**16),
            b"431",
            "its head is longer than 65536 bytes",
        ),
    ],
)
async def test_malformed_handshake(serve, caplog, change, status, why):
    """A handshake that breaks the rules is answered with the status that says which; who and why
    is in the log.
    """
    app = Script(echo)
    engine = await serve(app)
    response = await engine.request(HANDSHAKE.replace(*change) + HANDSHAKE)
    assert response.split()[1] == status
    assert response.count(b"HTTP/1.1") == 1
    assert app.scope is None
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert " [127.0.0.1:" in line and f" is refused with {status.decode()}" in line
    assert why in line


@pytest.mark.parametrize(
    "change",
    [
        (b"localhost", b"localhost\r\nCookie: a=" + b"y" * 40_000),
        (b"localhost", b"localhost\r\n" + b"\r\n".join(b"X-%d: y" % n for n in range(1000))),
        (b"GET / ", b"GET /?" + b"y" * 40_000 + b" "),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Host", b"Content-Length: 0\r\nHost"),
        (b": ", b":"),
        (b"Upgrade: websocket", b"upgrade:\t WebSocket \t"),
    ],
)
async def test_unusual_handshake(serve, change):
    """A handshake has the limit of pages, and may come by a proxy that speaks HTTP/1.0."""
    app = Script(echo)
    engine = await serve(app)
    response = await engine.request(HANDSHAKE.replace(*change) + frame(Opcode.CLOSE, b""))
    assert response.startswith(b"HTTP/1.1 101 ")
    assert dict(app.scope["headers"])[b"host"] == b"localhost"


@pytest.mark.parametrize("name", ["dG9rZW4=", "Bearer a/b", "(a)", "access_token:x"])
async def test_subprotocol_that_is_no_token(serve, name):
    """What a client has put among its subprotocols reaches the application, which may choose it."""
    app = sending({**ACCEPT, "subprotocol": name})
    engine = await serve(app)
    offer = f"Sec-WebSocket-Protocol: one, {name},\r\nHost".encode()
    response = await engine.request(HANDSHAKE.replace(b"Host", offer) + frame(Opcode.CLOSE, b""))
    assert app.scope["subprotocols"] == ["one", name]
    assert f"\r\nSec-WebSocket-Protocol: {name}\r\n".encode() in response


@pytest.mark.parametrize(
    ("lost", "statuses"),
    [
        ([b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n"], {b"404", b"426"}),
        ([b"Upgrade: websocket\r\n"], {b"404", b"426"}),
        ([b"Connection: Upgrade\r\n"], {b"426"}),
    ],
)
@pytest.mark.parametrize("http", [True, False])
async def test_proxy_that_loses_the_upgrade(serve, caplog, lost, statuses, http):
    """A handshake of which a proxy has passed on a part is a line in the log that says so."""
    engine = await serve(Script(not_found), http=http)
    request = HANDSHAKE.replace(b"GET /", b"GET /chat?token=secret")
    for header in lost:
        request = request.replace(header, b"")
    for _ in range(2):
        assert (await engine.request(request + b"\r\n")).split()[1] in statuses
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("GET /chat [127.0.0.1:")
    assert "proxy_set_header Upgrade $http_upgrade" in line


async def not_found(scope, receive, send):
    """Answer any request as an application does that has no such page."""
    headers = [(b"connection", b"close"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body"})


async def test_frames_during_a_denial(serve):
    """What a client sends while it is denied is no part of the answer, and reaches nobody."""
    started, go = asyncio.Event(), asyncio.Event()

    async def body(scope, receive, send):
        await receive()
        await send({"type": "websocket.http.response.start", "status": 499, "headers": []})
        started.set()
        await go.wait()
        await send({"type": "websocket.http.response.body", "body": b"denied"})
        await receive()

    app = Script(body)
    engine = await serve(app)
    client = await engine.open(HANDSHAKE)
    await asyncio.wait_for(started.wait(), DEADLINE)
    client.write(frame(Opcode.PING, b"ping") + frame(Opcode.TEXT, b"text"))
    client.write_eof()
    go.set()
    response = await client.read()
    assert response.startswith(b"HTTP/1.1 499 ")
    assert b"ping" not in response
    events = await app.finished()
    assert [event["type"] for event in events] == ["websocket.connect", "websocket.disconnect"]
