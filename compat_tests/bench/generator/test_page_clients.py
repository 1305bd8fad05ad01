"""The load generator tells a stack that answers from one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from channels_bridge.bench.generator import page_clients
from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.generator.page_clients import is_whole, pages
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Pages
from compat_tests.bench.generator.gauges import Unread
from compat_tests.engine import until

LOAD = Pages(2)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
WRONG = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving(third: bytes) -> AsyncIterator[int]:
    """A server with a fault, if the third answer is another one; gives its port."""
    asked = serving = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            answer = third if asked == 3 else OK
            if not answer:
                return
            writer.write(answer[:20])
            await asyncio.sleep(0)
            writer.write(answer[20:])

    async def serve_until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal serving
        serving += 1
        with suppress(asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        await writer.wait_closed()
        serving -= 1

    server = await asyncio.start_server(serve_until_left, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await until(lambda: not serving)


async def counts(third: bytes, monkeypatch: pytest.MonkeyPatch) -> Counts:
    monkeypatch.setattr(page_clients, "DRAIN_SECONDS", 0.2)
    async with serving(third) as port:
        outcome = await pages(LOAD, Timing(port, 0, warmup=0.1, seconds=0.1), Unread())
    assert 0 < outcome.work <= outcome.counts.expected
    return outcome.counts


@pytest.mark.parametrize("third", [OK, CHUNKED])
async def test_nothing_wrong(third: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a stack that does its work, every page is counted as delivered, in whatever form."""
    found = await counts(third, monkeypatch)
    assert found == Counts(expected=found.expected, delivered=found.expected)
    assert found.expected > 3


async def test_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that isn't the page is one that is lost."""
    found = await counts(WRONG, monkeypatch)
    assert found == Counts(expected=found.expected, delivered=found.expected - 1)


async def test_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that the stack closes is counted, with the page that did not come."""
    found = await counts(b"", monkeypatch)
    assert found.connections_lost == 1
    assert found.delivered == found.expected - 1


@pytest.mark.parametrize("answer", [OK, CHUNKED])
def test_whole(answer: bytes) -> None:
    """An answer is whole with its last byte, and not before."""
    assert [is_whole(answer[:end]) for end in range(len(answer) + 1)] == [
        *(False for _ in answer),
        True,
    ]
