"""Connections that come and go: as many are there all the time, and none is counted as lost."""

from __future__ import annotations

import asyncio
from collections import deque

from picows import WSListener, WSTransport, WSUpgradeRequest, ws_create_server

from channels_bridge.bench.generator.clients import Client, Target, connected, lost
from channels_bridge.bench.generator.turnover import coming_and_going
from compat_tests.engine import until


class Guest(WSListener):
    """Counts who comes and goes."""

    came = left = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        Guest.came += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        Guest.left += 1


def accept(request: WSUpgradeRequest) -> Guest:
    return Guest()


async def test_come_and_go() -> None:
    """Those that were there for longest leave first, and others take their places."""
    server = await ws_create_server(accept, "127.0.0.1", 0)
    async with server:
        target = Target(server.sockets[0].getsockname()[1], "/")
        clients = deque(Client() for _ in range(5))
        last = clients[-1]
        async with (
            connected([(client, target) for client in clients]),
            coming_and_going(clients, target, per_second=200),
        ):
            while last in clients:
                assert len(clients) == 5
                await asyncio.sleep(0.001)
            assert lost(clients) == 0
            assert Guest.came >= 10
        await until(lambda: Guest.left == Guest.came)
    assert last.transport is None
    assert lost(clients) == 5


async def test_nobody_leaves() -> None:
    """Without a turnover all stay."""
    clients = deque([Client()])
    before = list(clients)
    async with coming_and_going(clients, Target(0, "/"), per_second=0):
        await asyncio.sleep(0)
    assert list(clients) == before
