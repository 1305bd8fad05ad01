"""One WebSocket connection over the engine: handshake, messages, end, and what can go wrong."""

from __future__ import annotations

import asyncio
import logging

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from compat_tests.clients.dialogue import Dialogue
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script

ACCEPT = {"type": "websocket.accept"}


async def accept(receive, send, **options):
    assert (await receive())["type"] == "websocket.connect"
    await send({**ACCEPT, **options})


async def echo(scope, receive, send):
    await accept(receive, send)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def sending(*messages):
    """An application that takes the connect event and sends these."""

    async def body(scope, receive, send):
        await receive()
        for message in messages:
            await send(message)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return Script(body)


async def status_of(engine, **options):
    with pytest.raises(InvalidStatus) as raised:
        async with engine.connect(**options):
            pass
    return raised.value.response


async def close_of(websocket):
    with pytest.raises(ConnectionClosed) as raised:
        await asyncio.wait_for(websocket.recv(), DEADLINE)
    return raised.value.rcvd


# Handshake


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
        ({**ACCEPT, "subprotocol": "unheard"}, "is none that the client offered"),
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
        ((b"Host: localhost", b"X: " + b"y" * 2**16), b"431", "a head may have 65536 bytes"),
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
    headers = [(b"connection", b"close"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body"})


# The end


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


# Protocol and limits


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


@pytest.mark.parametrize("size", [100, 5000])
async def test_compression(serve, size):
    """A client that offers compression gets and may send compressed messages, each by itself."""
    engine = await serve(Script(echo))
    async with engine.connect(compression="deflate") as websocket:
        offer = websocket.response.headers["Sec-WebSocket-Extensions"]
        assert "server_no_context_takeover" in offer
        assert "client_no_context_takeover" in offer
        for message in ("a" * size, "b" * size, b"c" * size, "a" * size):
            await websocket.send(message)
            assert await websocket.recv() == message


async def test_no_compression(serve):
    """Compression can be turned off; a client that doesn't offer it goes without."""
    engine = await serve(Script(echo), compression=False)
    async with engine.connect(compression="deflate") as websocket:
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers
    engine = await serve(Script(echo))
    async with engine.connect(compression=None) as websocket:
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers


async def test_decompressed_size_is_limited(serve):
    """A small frame that would inflate beyond the limit is refused with 1009 (a "zip bomb")."""
    engine = await serve(Script(echo), max_message_size=10_000)
    async with engine.connect(compression="deflate") as websocket:
        await websocket.send("x" * 1_000_000)
        assert (await close_of(websocket)).code == 1009


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


async def test_log_lines_cannot_be_forged(serve, caplog):
    """What a client puts into its path does not begin another line, or paint the console."""
    caplog.set_level(logging.INFO, "channels_bridge.access")
    engine = await serve(Script(echo))
    await engine.request(
        HANDSHAKE.replace(b"GET / ", b"GET /a\x1b[31m ") + frame(Opcode.CLOSE, b"")
    )
    assert "WebSocket CONNECT /a\\x1b[31m [" in caplog.messages[0]
