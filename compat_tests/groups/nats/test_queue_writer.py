"""Writing to named queues, beside nodes that are not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.queue_writer import QueueWriter
from channels_bridge.groups.nats.subjects import Subjects


class Streams:
    """Those that are all there."""

    async def require(self, capacity: int, *, until: float) -> None: ...


async def test_given_back_to_a_node_that_takes_less(caplog: pytest.LogCaptureFixture) -> None:
    """What another node has handed out, and this one doesn't take back, is lost with a word."""
    connection: Any = SimpleNamespace(info=ServerInfo(max_payload=300))
    streams: Any = Streams()
    jetstream: Any = None
    writer = QueueWriter(connection, jetstream, streams, Subjects("p", b"identity"))
    assert not await writer.put_back("work", bytes(1000), expiry=60)
    assert "given back to channel work is lost" in caplog.text
