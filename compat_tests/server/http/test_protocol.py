"""Pages on one connection: where each request ends, and what becomes of those in doubt."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from websockets.frames import Opcode

from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script, read_body, until
from compat_tests.fuzz.listener import give_way
from compat_tests.server.http.test_first_request import GET, page

KEPT = GET.replace(b"Connection: close\r\n", b"")
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAA\r\n"
LENGTH, CHUNKED = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"


async def mirror(scope, receive, send):
    """Answers with the body that it was sent."""
    if (body := await read_body(receive)) is None:
        return
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("offer", [H2C, H2C.replace(b"h2c", b"h2c, websocket"), b""])
@pytest.mark.parametrize(
    ("framing", "body"),
    [(LENGTH, b"hello"), (CHUNKED, b"2\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n")],
)
async def test_offer_of_another_protocol(serve, caplog, offer, framing, body):
    """The body of a request that offers HTTP/2 is its body, whenever it comes, and each time."""
    app = Script(mirror)
    engine = await serve(app)
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + offer + framing + b"\r\n"
    client = await engine.open()
    for pieces in ([head + body], [head, body], [head + body[:3], body[3:]], [head + body]):
        app.done.clear()
        for piece in pieces:
            client.write(piece)
            if piece is not pieces[-1]:
                await until(lambda: engine.context.tasks)
        answer = await client.read_until(b"hello")
        assert answer.startswith(b"HTTP/1.1 200 ")
        await app.finished()
        assert dict(app.scope["headers"]).get(b"upgrade") == (
            offer.split(b"Upgrade: ")[1].split(b"\r\n")[0] if offer else None
        )
        assert b"trailer" not in dict(app.scope["headers"])
    assert not caplog.records


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_later_head_that_never_ends(serve, at_once):
    """Heads behind the first one have their time limit, too, whenever they begin."""
    engine = await serve(page, handshake_timeout=0.1)
    client = await engine.open(KEPT + GET[:-2] if at_once else KEPT)
    if not at_once:
        await client.read_until(b"\r\n\r\n")
        client.write(GET[:-2])
    await client.read_until(b"HTTP/1.1 408 ")


async def test_many_offers_at_once(serve):
    """As many requests as one packet has may offer another protocol."""
    engine = await serve(page)
    offer = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"
    answers = await engine.request(offer * 2000 + GET)
    assert answers.count(b"HTTP/1.1 200 ") == 2001


async def test_trailers_count_as_head(serve):
    """Trailers have the limit of a head."""
    engine = await serve(mirror, max_head_size=2000)
    for trailers in (b"A: b\r\n" * 500, b"A: " + b"b" * 10**6):
        response = await engine.request(BAD + b"0\r\n" + trailers)
        assert response.startswith(b"HTTP/1.1 431 ")


async def test_frames_behind_a_later_handshake(serve):
    """What a hasty client sends together with a handshake arrives, on used connections too."""
    engine = await serve(page)
    client = await engine.open(KEPT)
    await client.read_until(b"\r\n\r\npage")
    client.write(HANDSHAKE + frame(Opcode.TEXT, b"hasty"))
    assert (await client.read_until(b"hasty")).startswith(b"HTTP/1.1 101 ")


BAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("behind", "statuses"),
    [
        (HANDSHAKE, [200]),
        (b"\x16\x03\x01" + GET, [200]),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + GET, [200]),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n" + GET, [200]),
        (b"GET / HTTP/1.1\r\n\r\n" + BAD + b"x\r\n" + GET, [200, 200, 400]),
    ],
)
async def test_pipelined_requests_that_are_refused(serve, behind, statuses):
    """Answers to earlier requests are not disturbed by one that is refused; it has none, or its
    own where its head was fine, and then the connection ends.
    """
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        asked.set()
        await answer.wait()
        await send({"type": "http.response.body", "body": b"later"})

    engine = await serve(slow)
    response = asyncio.create_task(engine.request(KEPT + behind))
    await asyncio.wait_for(asked.wait(), DEADLINE)
    answer.set()
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", await response)] == statuses
    assert (await response).count(b"firstlater") == statuses.count(200)


@pytest.mark.parametrize(("answered", "statuses"), [(0, [400]), (1, [200]), (2, [200])])
async def test_body_that_is_broken(serve, answered, statuses):
    """Where a body breaks off in garbage, its request is refused, or the answer ends early."""
    began = asyncio.Event()

    async def application(scope, receive, send):
        headers = [(b"content-length", b"%d" % answered)]
        if answered:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"x", "more_body": answered > 1})
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    engine = await serve(application)
    client = await engine.open(BAD + b"1\r\nx\r\n")
    await asyncio.wait_for(began.wait(), DEADLINE)
    client.write(b"garbage\r\n" + GET)
    response = await _read(client)
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", response)] == statuses
    await client.close()
    await engine.idle()


async def _read(client):
    with contextlib.suppress(ConnectionResetError):
        return await client.read()
    return b"HTTP/1.1 200 reset with it"


@pytest.mark.parametrize("expect", [True, False])
async def test_answer_before_the_body(serve, expect):
    """A client that was answered instead of told to go on may leave the body out or not: nothing
    is read behind it. Where it did not ask, the body has to come.
    """
    engine = await serve(page)
    headers = b"Content-Length: %d\r\n" % len(GET) + b"Expect: 100-continue\r\n" * expect
    client = await engine.open(b"POST /early HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
    await client.read_until(b"\r\n\r\npage")
    if not expect:
        client.write(GET + GET)
    rest = await client.read()
    assert rest.count(b"HTTP/1.1 200") == (not expect)


async def test_body_that_was_asked_for(serve):
    """A client that waits with its body until it is told may go on with the same connection."""
    engine = await serve(mirror)
    client = await engine.open()
    for _ in range(2):
        client.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + LENGTH + b"Expect: 100-continue\r\n\r\n")
        await client.read_until(b" 100 Continue\r\n\r\n")
        head = await client.request(b"hello", until=b"hello")
        assert b"connection: close" not in head


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n" + LENGTH, b"501"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", b"501"),
        (b"POST / HTTP/1.0\r\n" + CHUNKED, b"400"),
        (b"POST / HTTP/1.1\r\n" + CHUNKED + LENGTH, b"400"),
        (b"POST / HTTP/1.1\r\n" + LENGTH + LENGTH, b"400"),
        (b"POST / HTTP/1.1\r\nA: b\n" + LENGTH, b"400"),
        (b"POST / HTTP/1.1\r\nA:\r\n " + LENGTH, b"400"),
        (b"GET / HTTP/2.0\r\n", b"505"),
        (b"GET /\r\n", b"505"),
        (b"GET http://[x HTTP/1.1\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\n", b"400"),
        (b"GET http://example.com HTTP/1.1\r\n", b"400"),
    ],
)
@pytest.mark.parametrize("earlier", [0, 1])
async def test_doubtful_framing(serve, caplog, head, status, earlier):
    """A request whose end is read in different ways is refused, first or later, and logged; what
    comes behind it is not read.
    """
    engine = await serve(page)
    client = await engine.open()
    for _ in range(earlier):
        await client.request(KEPT, until=b"\r\n\r\npage")
    answer = await client.request(head + b"\r\n0\r\n\r\n" + GET)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1] == status
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("a request from [127.0.0.1:") and status.decode() in line
    assert "callback" not in line


@pytest.mark.parametrize("first", [4096, 100, 10])
async def test_body_is_not_counted_as_head(serve, first):
    """A later head below the limit is fine, whatever it comes in pieces with."""
    engine = await serve(mirror, max_head_size=8000)
    client = await engine.open()
    body = b"z" * 200_000
    for _ in range(2):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nX: " + b"y" * 6000
        request = head + b"\r\n\r\n" + body
        client.write(request[:first])
        await give_way(30)
        answer = await client.request(request[first:], until=b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert await client.read_exactly(len(body)) == body


# Between requests


async def test_idle_connections_are_kept(serve):
    """A connection is kept between requests for longer than proxies keep theirs, 60 s and more."""
    engine = await serve(page)
    assert 60 < engine.config.keep_alive_timeout
    client = await engine.open(KEPT)
    await client.read_until(b"\r\n\r\npage")
    (connection,) = engine.context.idle
    wait = connection.timeout_keep_alive_task.when() - asyncio.get_running_loop().time()
    assert engine.config.keep_alive_timeout - DEADLINE < wait
    await client.close()
    await until(lambda: not engine.context.idle)


@pytest.mark.parametrize("noise", [b"", b"\r\n"])
async def test_end_of_idle_connections(serve, noise):
    """After --keep-alive-timeout without a request a connection is closed; empty lines are none."""
    engine = await serve(page, keep_alive_timeout=0.1)
    client = await engine.open(KEPT + noise)
    answer = await client.read()
    assert answer.endswith(b"\r\n\r\npage")


async def test_idle_connections_make_room(serve):
    """At --max-connections the connection goes that has been idle for longest; a new one is
    served.
    """
    engine = await serve(page, max_connections=2)
    idle = []
    for _ in range(2):
        client = await engine.open(KEPT)
        await client.read_until(b"\r\n\r\npage")
        idle.append(client)
    async with engine.connect() as websocket:
        await websocket.send("there is room")
        assert await websocket.recv() == "there is room"
        assert await idle[0].read() == b""
        idle[1].write(GET)
        assert b"page" in await idle[1].read()
    assert not engine.context.counters.refused
