"""A link to a node that behaves as real ones seldom do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from channels_bridge.groups.nats.client.authentication import NOBODY
from channels_bridge.groups.nats.client.link_options import LinkOptions
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_parser import PORTION
from channels_bridge.groups.nats.client.node_link import NodeLink
from channels_bridge.groups.nats.client.server_pool import parse_server
from compat_tests.groups.hubs import DEADLINE, soon
from compat_tests.groups.nats.client.fake_node import fake_node, greet

#: Seconds between two beats.
FAST = 0.02


class User:
    """Takes its time with each message.

    Args:
        seconds: how long.
    """

    def __init__(self, seconds: float) -> None:
        self.received = 0
        self.all_received = asyncio.Event()
        self._seconds = seconds

    def link_message(self, *message: object) -> None:
        end = asyncio.get_running_loop().time() + self._seconds
        while asyncio.get_running_loop().time() < end:
            pass
        self.received += 1
        if message[-1] == b"last":
            self.all_received.set()

    def link_ping(self, link: NodeLink) -> None:
        link.write(b"PING\r\n")


def make_link(url: str, user: User, connect_timeout: float = DEADLINE) -> NodeLink:
    """Make a link that beats fast."""
    options = LinkOptions(
        name="test",
        authentication=NOBODY,
        make_tls=None,
        uses_tls=False,
        tls_first=False,
        connect_timeout=connect_timeout,
        ping_interval=FAST,
    )
    return NodeLink(parse_server(url), options, user)  # type: ignore[arg-type]


async def test_one_that_refuses_is_not_watched() -> None:
    """A link that has ended before its greeting was answered leaves no timer behind."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO {}\r\n")
        await reader.readuntil(b"PING\r\n")
        writer.write(b"-ERR 'Authorization Violation'\r\n")

    async with fake_node(refuse) as url:
        link = make_link(url, User(0))
        with pytest.raises(NatsUnavailable, match="refuses the credentials"):
            await soon(link.open())
        assert link.heard_at is None


async def test_a_slow_process_does_not_take_its_node_for_silent() -> None:
    """While it hands out what the node has sent, it reads nothing: that is no silence."""
    messages = 12 * PORTION

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        writer.write(b"MSG a 1 1\r\nx\r\n" * messages + b"MSG a 1 4\r\nlast\r\n")
        while await reader.readline() == b"PING\r\n":
            writer.write(b"PONG\r\n")

    async with fake_node(send) as url:
        user = User(FAST / PORTION)
        link = make_link(url, user)
        await soon(link.open())
        received = asyncio.create_task(user.all_received.wait())
        await soon(asyncio.wait([link.ended, received], return_when=asyncio.FIRST_COMPLETED))
        received.cancel()
        assert not link.ended.done(), link.ended.result()
        assert user.received == messages + 1
        await soon(link.aclose())


async def test_one_of_many_addresses_has_vanished(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name for all nodes of a cluster leads to one that lives."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read()

    async with vanished_host() as vanished, fake_node(serve) as url:
        living = ("127.0.0.1", parse_server(url).port)

        async def resolve(*arguments: object, **options: object) -> list[object]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
            return [(*kind, vanished), (*kind, living)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        link = make_link("nats://nodes.example", User(0), connect_timeout=1)
        await soon(link.open())
        await soon(link.aclose())


@asynccontextmanager
async def vanished_host() -> AsyncIterator[tuple[str, int]]:
    """An address from which nothing comes: that of a listener whose queue is full."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        connecting: list[asyncio.Task[None]] = []
        for _ in range(8):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            connecting.append(loop.create_task(loop.sock_connect(sock, address)))
        await asyncio.wait(connecting, timeout=0.2)
        assert not all(task.done() for task in connecting)
        try:
            yield address
        finally:
            for task in connecting:
                task.cancel()
            await asyncio.wait(connecting)
