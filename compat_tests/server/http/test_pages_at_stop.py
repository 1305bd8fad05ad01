"""Graceful shutdown of pages and event streams that are still being sent."""

from __future__ import annotations

import asyncio
import logging

import pytest

from channels_bridge.server.http import page
from channels_bridge.server.worker.drain import drain
from compat_tests.engine import DEADLINE, Script, until

STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
LONG = 600  # seconds of shutdown_timeout: nothing may wait for it


def get(path="/feed?token=secret"):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def streaming(*headers, deaf=False):
    """An application that sends a first event and then nothing, until it is told to end."""

    async def application(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await (asyncio.Event().wait() if deaf else receive())

    return Script(application)


async def begin(engine, first=b"data: 1\n\n", request=None):
    client = await engine.open(request or get())
    return client, await client.read_until(first)


async def finish(client):
    """Read what is left of an answer, and close."""
    rest = await client.read()
    await client.close()
    return rest


@pytest.fixture
def lines(caplog):
    """The server's own lines, of which no one may be a traceback."""
    yield lambda: [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "header", [STREAM, (b"Content-Type", b"multipart/x-mixed-replace;boundary=frame")]
)
async def test_event_streams_are_told(serve, lines, header):
    """An event stream hears of a disconnect at once, and ends as a complete one for its client."""
    script = streaming(header)
    engine = await serve(script, shutdown_timeout=LONG)
    clients = [await begin(engine) for _ in range(3)]
    await asyncio.wait_for(engine.stop(), DEADLINE)
    for client, _ in clients:
        assert await finish(client) == b"\r\n0\r\n\r\n"
    assert [event["type"] for event in script.events] == [
        *["http.request"] * 3,
        *["http.disconnect"] * 3,
    ]
    assert lines() == []


async def test_an_answer_of_unknown_length_has_a_while(serve, lines, monkeypatch):
    """Other answers without a length have a third of the time, and are not made to look whole."""
    engine = await serve(streaming(), shutdown_timeout=LONG)
    client, _ = await begin(engine)
    stopping = asyncio.create_task(engine.stop())
    await until(lambda: engine.context.ending)
    (connection,) = engine.context.connections
    loop = asyncio.get_running_loop()
    assert 0 < connection.page._timer.when() - loop.time() <= LONG / 3
    connection.page._overdue()
    await asyncio.wait_for(stopping, DEADLINE)
    assert await finish(client) == b"\r\n"
    assert lines() == []


async def test_an_answer_that_comes_to_its_end(serve, lines):
    """An answer that is finished in that time is whole, whatever its length."""
    proceed = asyncio.Event()

    async def export(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await proceed.wait()
        await send({"type": "http.response.body", "body": b"the rest"})

    engine = await serve(export, shutdown_timeout=LONG)
    client, _ = await begin(engine)
    stopping = asyncio.create_task(engine.stop())
    await until(lambda: engine.context.ending)
    proceed.set()
    await asyncio.wait_for(stopping, DEADLINE)
    assert await finish(client) == b"\r\n8\r\nthe rest\r\n0\r\n\r\n"
    assert lines() == []


async def test_one_that_does_not_listen(serve, lines, monkeypatch):
    """An application that goes on is cancelled soon, with a line that names the page."""
    monkeypatch.setattr(page, "LINGER", 0.01)
    engine = await serve(streaming(STREAM, deaf=True), shutdown_timeout=LONG)
    client, _ = await begin(engine)
    await asyncio.wait_for(engine.stop(), DEADLINE)
    assert (await finish(client)).endswith(b"0\r\n\r\n")
    (line,) = lines()
    assert line.startswith("HTTP GET /feed [127.0.0.1:")
    assert line.endswith("did not return, and is cancelled")


async def test_a_page_that_is_not_begun(serve, lines):
    """A page that isn't answered in time is answered 503, and no error of the application's."""
    asked = asyncio.Event()

    async def application(scope, receive, send):
        asked.set()
        await asyncio.Event().wait()

    engine = await serve(application, shutdown_timeout=0.2)
    client = await engine.open(get())
    await asyncio.wait_for(asked.wait(), DEADLINE)
    await asyncio.wait_for(engine.stop(), DEADLINE)
    assert (await finish(client)).startswith(b"HTTP/1.1 503 ")
    assert lines() == ["shutdown: 1 applications did not return in time; cancelled"]


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_stream_that_is_not_begun(serve, lines, monkeypatch, deaf):
    """A browser's EventSource whose first event is waited for is told, and may come back."""
    monkeypatch.setattr(page, "LINGER", 0.01 if deaf else LONG)
    asked = asyncio.Event()

    async def application(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        asked.set()
        await (asyncio.Event().wait() if deaf else receive())

    engine = await serve(application, shutdown_timeout=LONG)
    client = await engine.open(get().replace(b"Host", b"Accept: text/event-stream\r\nHost"))
    await asyncio.wait_for(asked.wait(), DEADLINE)
    await asyncio.wait_for(engine.stop(), DEADLINE)
    assert await finish(client) == b""  # a status would keep it from coming back
    assert len(lines()) == deaf


async def test_a_stream_that_begins_late(serve, lines):
    """A stream whose head comes after the stop began is told, too."""
    asked, answer = asyncio.Event(), asyncio.Event()
    stream = streaming(STREAM)

    async def application(scope, receive, send):
        asked.set()
        await answer.wait()
        await stream(scope, receive, send)

    engine = await serve(application, shutdown_timeout=LONG)
    client = await engine.open(get())
    await asyncio.wait_for(asked.wait(), DEADLINE)
    stopping = asyncio.create_task(engine.stop())
    await until(lambda: engine.context.ending)
    answer.set()
    await asyncio.wait_for(stopping, DEADLINE)
    assert stream.events[-1]["type"] == "http.disconnect"
    await finish(client)
    assert lines() == []


async def test_streams_are_spread(serve):
    """With --drain-seconds event streams end one after the other, as WebSockets do."""
    engine = await serve(streaming(STREAM), drain_seconds=LONG)
    clients = [await begin(engine) for _ in range(2)]
    hurry = asyncio.Event()
    draining = asyncio.create_task(drain(engine.context, hurry))
    await asyncio.sleep(0)  # the first step of a task
    connections = tuple(engine.context.connections)
    assert [connection.lasting for connection in connections] == [True, True]
    connections[0].shutdown()
    await until(lambda: len(engine.context.connections) == 1)
    hurry.set()
    await asyncio.wait_for(draining, DEADLINE)
    assert len(engine.context.connections) == 1
    await asyncio.wait_for(engine.stop(), DEADLINE)
    for client, _ in clients:
        await finish(client)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("error", ["raises", "returns", "is cancelled"])
async def test_what_applications_do_wrong(serve, caplog, begun, error):
    """A line with level and page says what an application did wrong; the client gets 500, or the
    end of what had begun.
    """

    async def application(scope, receive, send):
        if begun:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if error == "raises":
            raise LookupError("no such feed")
        if error == "is cancelled":
            raise asyncio.CancelledError

    engine = await serve(application)
    answer = await engine.request(get())
    if begun:
        assert answer.endswith(b"\r\nhalf\r\n")
    else:
        assert answer.startswith(b"HTTP/1.1 500 ") and answer.endswith(b"Internal Server Error")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "channels_bridge.server"
    assert "HTTP GET /feed [127.0.0.1:" in record.getMessage()
    assert bool(record.exc_info) == (error != "returns")
