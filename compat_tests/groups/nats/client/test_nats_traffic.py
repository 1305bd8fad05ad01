"""What becomes of what was asked for when a link is left, or has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from channels_bridge.groups.nats.client import nats_connection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.node_socket import HIGH_WATER
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.client.fake_node import fake_node, greet


@pytest.fixture
async def slow_node() -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """The URL of a node that reads nothing after its greeting until it is told to, and that."""
    goes_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await goes_on.wait()
        while line := await reader.readline():
            if line == b"PING\r\n":
                writer.write(b"PONG\r\n")

    async with fake_node(serve) as url:
        yield url, goes_on.set


async def test_ping_that_is_not_written(
    connect: Connect,
    slow_node: tuple[str, Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waits for the PONG to it gets none that is meant for another PING."""
    monkeypatch.setattr(nats_connection, "CLOSE_TIMEOUT", 0.1)
    url, go_on = slow_node
    client = await connect(url, ping_interval=30)
    connection = client.connection
    link = connection._traffic.link
    assert link is not None
    while not link.is_paused:
        connection.publish("a", bytes(HIGH_WATER))
        await asyncio.sleep(0)
    connection.publish("a", b"waits")
    flush = asyncio.create_task(connection.flush(30))
    await asyncio.sleep(0)
    connection._traffic.detach()  # as when the node is about to end
    go_on()
    await soon(link.ping(link.write))
    with pytest.raises(NatsUnavailable, match="left before"):
        await soon(flush)
    assert connection.waiting_bytes > 0
    await link.aclose()


async def test_what_is_published_as_a_link_ends(connect: Connect, prefix: str) -> None:
    """It waits for the next link: there is no moment in which it would be lost."""
    here, there = await connect(), await connect()
    await there.subscribe(prefix)
    link = here.connection._traffic.link
    assert link is not None
    link.abort("for the test")
    here.connection.publish(prefix, b"now")
    await until(lambda: here.greetings == [True, False])
    await soon(here.connection.flush(10))
    assert await there.receive(1) == [b"now"]
