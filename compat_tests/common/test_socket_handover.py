"""A socket that was given to an event loop is closed once, whatever becomes of it."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from channels_bridge.common.socket_handover import hand_over
from channels_bridge.common.tcp_connect import connect_tcp
from compat_tests.common.cancelling import cancel_as_it_is_made, tls_server
from compat_tests.groups.authority import Authority
from compat_tests.groups.hubs import DEADLINE, soon, until


class Recorder(asyncio.Protocol):
    """Says hello, and waits for the answer and the end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[bytes] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"hello")

    def data_received(self, data: bytes) -> None:
        self.answer.set_result(data)
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)


@pytest.fixture
def authority(tmp_path) -> Authority:
    """Has signed the server's certificate."""
    return Authority(tmp_path, "authority")


async def cancel(authority, monkeypatch):
    """Cancelled, it is in nobody's way who gets the number of its descriptor."""
    tls = ssl.create_default_context(cafile=authority.ca_file)
    async with tls_server(authority) as port:

        async def begin() -> Recorder:
            sock = await connect_tcp("127.0.0.1", port, DEADLINE)
            return await hand_over(sock, Recorder, ssl=tls, server_hostname="localhost")

        await cancel_as_it_is_made(begin, monkeypatch, Recorder)
        another = await soon(begin())
        assert await soon(another.answer) == b"hello"
        await soon(another.lost)


async def lose_at_once(authority, monkeypatch):
    """What is gone before it is used has no number any more, which may be another one's."""
    ours, theirs = socket.socketpair()
    theirs.close()
    await hand_over(ours, Recorder)  # it can't even say hello
    await until(lambda: ours.fileno() < 0)


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
@pytest.mark.parametrize("scenario", [cancel, lose_at_once])
def test_hand_over(module, scenario, authority, monkeypatch):
    """On either loop."""
    loop = pytest.importorskip(module).new_event_loop()
    try:
        loop.run_until_complete(scenario(authority, monkeypatch))
    finally:
        loop.close()
