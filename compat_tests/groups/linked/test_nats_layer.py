"""The layer over NATS, on a real node."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.linked import isolation
from channels_bridge.layers import NatsChannelLayer, get_channel_layer
from compat_tests.groups.hubs import soon
from compat_tests.groups.nats.nats_servers import NatsServer

HELLO = {"type": "hello"}

Make = Callable[..., NatsChannelLayer]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"nats://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
async def make_layer(nats_server: NatsServer, prefix: str) -> AsyncIterator[Make]:
    """Makes layers of the shared node; they reach each other unless a prefix is given."""
    layers = []

    def make_layer(**options: Any) -> NatsChannelLayer:
        servers = [nats_server.url]
        layers.append(NatsChannelLayer(**{"servers": servers, "prefix": prefix, **options}))
        return layers[-1]

    yield make_layer
    await asyncio.gather(*(layer.close() for layer in layers))


async def join(layer: NatsChannelLayer) -> str:
    """Return a new member of the group."""
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    return channel


async def test_prefixes_are_apart(make_layer: Make) -> None:
    """Projects with other prefixes hear nothing of each other."""
    ours, sender, others = make_layer(), make_layer(), make_layer(prefix="other")
    channel, other = await join(ours), await join(others)
    await sender.group_send("room", {"type": "ours"})
    await make_layer(prefix="other").group_send("room", {"type": "theirs"})
    assert (await soon(ours.receive(channel)))["type"] == "ours"
    assert (await soon(others.receive(other)))["type"] == "theirs"


async def test_statistics(make_layer: Make) -> None:
    """The link is one to a node, by its name, and nothing is missed on it."""
    layer, member = make_layer(), make_layer()
    channel = await join(member)
    await layer.group_send("room", HELLO)
    await soon(member.receive(channel))
    link = layer.statistics().link
    assert link is not None
    assert (link.engine, link.connected, link.node) == ("nats", True, "n1")
    assert link.kept_bytes > 0
    assert link.window is not None
    assert (link.reconnects, link.missed, link.gaps, link.dropped) == (0, 0, 0, 0)


async def test_no_servers(make_layer: Make, nobody: str) -> None:
    """Where no node is, calls that wait say where one was expected, and what to do."""
    layer = make_layer(servers=[nobody], timeout=0.3)
    with pytest.raises(TransportUnavailable, match=f"NATS at {nobody} .*start nats-server"):
        await soon(layer.group_send("room", HELLO))


async def test_one_of_two_servers(make_layer: Make, nats_server: NatsServer, nobody: str) -> None:
    """One node that is there is enough."""
    layer, member = make_layer(servers=[nobody, nats_server.url]), make_layer()
    channel = await join(member)
    await soon(layer.group_send("room", HELLO))
    assert await soon(member.receive(channel)) == HELLO


async def test_tests_reach_no_server(make_layer: Make, nats_server: NatsServer) -> None:
    """A test that uses the settings reaches its own members, and nobody else's."""
    others = make_layer(prefix="mysite")
    channel = await join(others)
    with settings_of(nats_server):
        layer = get_channel_layer()
        own = await join(layer)
        await layer.group_send("room", {"type": "isolated"})
        assert (await soon(layer.receive(own)))["type"] == "isolated"
    await make_layer(prefix="mysite").group_send("room", HELLO)
    assert await soon(others.receive(channel)) == HELLO


async def test_live_tests_are_apart(
    make_layer: Make, nats_server: NatsServer, tmp_path: Path
) -> None:
    """A live server and its test meet on the node of the settings, by a prefix of their own."""
    others = make_layer(prefix="mysite")
    channel = await join(others)
    with settings_of(nats_server), isolation.relocation(tmp_path):
        test, server = get_channel_layer(), make_layer(prefix="mysite")
        member = await join(server)
        await test.group_send("room", {"type": "tested"})
        assert (await soon(server.receive(member)))["type"] == "tested"
        await test.close()
        await server.close()
    await make_layer(prefix="mysite").group_send("room", HELLO)
    assert await soon(others.receive(channel)) == HELLO


def settings_of(server: NatsServer) -> override_settings:
    backend = "channels_bridge.layers.NatsChannelLayer"
    config = {"servers": [server.url], "prefix": "mysite"}
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": config}})
