"""The first request of a connection: WebSocket or HTTP, in time, of reasonable size."""

from __future__ import annotations

import asyncio
import logging

import pytest

from channels_bridge.server import optional_packages
from compat_tests.clients.raw_bytes import HANDSHAKE
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import echo

GET = b"GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def page(scope, receive, send):
    """Answer pages with one word, and WebSockets with an echo."""
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
        return
    headers = [(b"content-length", b"4"), (b"x-path", scope["path"].encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"page"})


async def test_http_goes_to_the_application(serve):
    """A page is served on the same port."""
    engine = await serve(page)
    response = await engine.request(GET)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"x-path: /page\r\n" in response
    assert response.endswith(b"\r\n\r\npage")


async def test_handshake_on_a_connection_that_served_http(serve):
    """A proxy that keeps its connections may send a handshake on one that carried a page."""
    engine = await serve(page)
    client = await engine.open(GET.replace(b"Connection: close\r\n", b""))
    await client.read_until(b"page")
    await client.read_until(b"\r\n\r\npage")
    head = await client.request(HANDSHAKE, until=b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")


async def test_request_in_small_pieces(serve):
    """A handshake may arrive byte by byte."""
    engine = await serve(page)
    client = await engine.open()
    for byte in HANDSHAKE:
        client.write(bytes([byte]))
        await client.drain()
    head = await client.read_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n"])
async def test_oversized_head_whatever_comes_before(serve, before):
    """Empty lines before a request, or an unusual method, don't lift the limit."""
    engine = await serve(page, max_head_size=2000)
    for method in (b"GET", b"M-SEARCH"):
        response = await engine.request(before + method + b" / HTTP/1.1\r\nX: " + b"y" * 3000)
        assert response.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("rest", "seconds", "status"),
    [
        (b"", 0.2, b"408"),
        (b"y" * 10**6, DEADLINE, b"431"),
        (b"\r\nA: b" * 500 + b"\r\n\r\n", DEADLINE, b"431"),
    ],
)
async def test_limits_of_later_requests(serve, rest, seconds, status):
    """A second request on a connection has the limits of the first."""
    engine = await serve(page, max_head_size=2000, handshake_timeout=seconds)
    client = await engine.open(GET.replace(b"Connection: close\r\n", b""))
    await client.read_until(b"\r\n\r\npage")
    response = await client.request(b"GET / HTTP/1.1\r\nX: " + rest)
    assert response.split()[1] == status


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", b"GET\r\n\r\n"])
async def test_garbage_is_400(serve, caplog, data):
    """What is no HTTP is answered 400; of TLS on a plain port it is said what to write."""
    engine = await serve(page)
    assert (await engine.request(data)).startswith(b"HTTP/1.1 400 ")
    assert ("let clients write ws:// or http://" in caplog.text) == (data[0] == 0x16)


async def test_oversized_head_is_431(serve):
    """A head beyond the limit is refused before it is read to its end."""
    engine = await serve(page, max_head_size=2000)
    response = await engine.request(b"GET / HTTP/1.1\r\nX: " + b"y" * 3000)
    assert response.startswith(b"HTTP/1.1 431 ")


async def test_slow_request_is_408(serve):
    """A client that doesn't finish its request in time is answered 408."""
    engine = await serve(page, handshake_timeout=0.1)
    assert (await engine.request(HANDSHAKE[:-2])).startswith(b"HTTP/1.1 408 ")


async def test_silent_connection_is_closed(serve):
    """A connection without a request is closed after the time limit, without a word."""
    engine = await serve(page, handshake_timeout=0.1)
    assert await engine.request(b"") == b""


async def test_line_ends_without_a_request(serve):
    """Line ends in place of a request, however they are written, don't keep a connection."""
    engine = await serve(page, handshake_timeout=0.1)
    for ends in (b"\n", b"\r\n", b"\n\r\n\n"):
        assert (await engine.request(ends))[:13] in (b"", b"HTTP/1.1 408 ")
    assert b" 200 OK" in await engine.request(b"\n" + GET)


async def test_no_http(serve):
    """With --no-http a page is answered 426, which says why."""
    engine = await serve(page, http=False)
    response = await engine.request(GET)
    assert response.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert b"--no-http" in response
    async with engine.connect() as websocket:
        await websocket.send("a")
        assert await websocket.recv() == "a"


async def test_without_the_http_extra(serve, monkeypatch):
    """Without uvicorn a page is answered 426, which says what to install."""
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    engine = await serve(page)
    response = await engine.request(GET)
    assert response.startswith(b"HTTP/1.1 426 ")
    assert b"pip install 'uvicorn<0.55' httptools" in response


async def test_every_lost_connection_is_reported_once(serve):
    """The supervisor's count of a worker's connections stays true, whatever they spoke."""
    engine = await serve(Script(page))
    await engine.request(GET)
    await engine.request(b"garbage\r\n\r\n")
    async with engine.connect():
        pass
    await asyncio.wait_for(engine.context.all_lost(), DEADLINE)
    assert engine.lost == 3


async def test_headers_of_the_server(serve):
    """A page has the date; a Server header goes along where one is set."""
    engine = await serve(page)
    response = await engine.request(GET)
    assert b"\r\ndate: " in response
    assert b"server: " not in response.lower()
    engine = await serve(page, server_name="Acme")
    assert b"\r\nserver: Acme\r\n" in await engine.request(GET)
    async with engine.connect() as websocket:
        assert websocket.response.headers["Server"] == "Acme"


async def test_access_log(serve, caplog):
    """A line for a page served, and none with --no-access-log."""
    caplog.set_level(logging.INFO, "channels_bridge.access")
    engine = await serve(page)
    await engine.request(GET.replace(b"/page", b"/page?a=1"))
    assert caplog.messages[-1].startswith("HTTP GET /page 200 [")
    caplog.clear()
    engine = await serve(page, access_log=False)
    await engine.request(GET)
    async with engine.connect():
        pass
    assert [record for record in caplog.records if record.name == "channels_bridge.access"] == []
