"""Counters of a layer, for metrics."""

from __future__ import annotations

import asyncio

from channels_bridge.groups.layer_statistics import LayerStatistics, LinkStatistics
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
from compat_tests.groups.hubs import soon, until

ALL_ANSWERED = {"missed": 0, "unacknowledged": 0, "unacknowledged_bytes": 0, "lag": 0}


async def test_local_layer():
    """The local layer counts what is sent and dropped, and has no link."""
    layer = LocalChannelLayer(capacity=1)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "fits"})
    await layer.group_send_many(["room", "other"], {"type": "doesn't"})
    assert layer.statistics() == LayerStatistics(group_sends=3, messages_dropped=1, link=None)


def test_unused_layer(address):
    """A layer that wasn't used has done nothing."""
    layer = GrpcChannelLayer(address=address)
    assert layer.statistics() == LayerStatistics(group_sends=0, messages_dropped=0, link=None)


async def test_link(hub, make_grpc_layer):
    """The link counts what is unanswered, how long that has been so, and reconnects."""
    layer = make_grpc_layer()
    await layer.group_send("room", {})
    assert layer.statistics().link == LinkStatistics(connected=True, reconnects=0, **ALL_ANSWERED)
    hub.kill()
    await until(lambda: not layer.statistics().link.connected)
    sending = asyncio.create_task(layer.group_send("room", {}))
    await until(lambda: layer.statistics().link.lag > 0)
    waiting = layer.statistics().link
    assert waiting.unacknowledged == 1
    assert waiting.unacknowledged_bytes > 0
    hub.start()
    await soon(sending)
    assert layer.statistics().link == LinkStatistics(connected=True, reconnects=1, **ALL_ANSWERED)
