"""Waiting for a node together, while the link to it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.joined_flush import JoinedFlush
from channels_bridge.groups.nats.node_reach import NodeReach
from compat_tests.groups.hubs import soon
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.groups.nats.tcp_proxy import TcpProxy

TIMEOUT = 60.0

waits: dict[str, Callable[[NatsConnection], Coroutine[Any, Any, None]]] = {
    "subscriber": lambda connection: JoinedFlush(connection, TIMEOUT).wait(),
    "publisher": lambda connection: NodeReach(connection, [], TIMEOUT).be_sure(),
}


@pytest.mark.parametrize("waiting", waits)
async def test_link_ends_meanwhile(nats_server: NatsServer, waiting: str) -> None:
    """Who waits goes on at the next link, and keeps nobody from making it."""
    with closing(TcpProxy(nats_server.port)) as proxy:
        url = f"nats://127.0.0.1:{proxy.port}"
        connection = NatsConnection(
            [url], name="", reply_prefix="p", on_message=lambda *message: None
        )
        connection.start()
        try:
            await soon(connection.flush(TIMEOUT))
            proxy.silence()
            task = asyncio.create_task(waits[waiting](connection))
            await asyncio.sleep(0)  # it asks
            proxy.cut()
            proxy.heal()
            await soon(task)
            assert connection.reconnects == 1
        finally:
            await connection.aclose()
