"""An event loop that ends with a connection open leaves no socket behind."""

from __future__ import annotations

import asyncio
import gc

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from compat_tests.servers import wait_for


def test_loop_ends(nats_server):
    """The node sees the end at once, and nothing is left to the garbage collector."""

    async def leave_open():
        connection = NatsConnection(
            [nats_server.url],
            name="left-open",
            reply_prefix="left-open.i",
            on_message=lambda *message: None,
        )
        connection.start()
        await connection.flush(10)
        return connection

    connection = asyncio.run(leave_open())
    assert wait_for(lambda: not nats_server.connections("left-open"), 10)
    del connection
    gc.collect()  # a socket that is still open is a ResourceWarning, and so an error
