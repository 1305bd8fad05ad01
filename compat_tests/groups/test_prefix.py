"""Layers with different prefixes share a hub, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

import pytest
from channels.layers import channel_layers

from channels_bridge.layers import GrpcChannelLayer
from channels_bridge.project.figures import figures
from compat_tests.groups.hubs import serving, soon

PREFIXES = ["", "staging", "production"]


#: Two of each prefix.
Layers: TypeAlias = dict[str, list[GrpcChannelLayer]]


@contextlib.asynccontextmanager
async def layers_at(address: str) -> AsyncIterator[Layers]:
    """Two layers of each prefix."""
    layers = {
        prefix: [GrpcChannelLayer(address=address, prefix=prefix) for _ in range(2)]
        for prefix in PREFIXES
    }
    yield layers
    for pair in layers.values():
        for layer in pair:
            await layer.close()


async def assert_prefixes_stay_apart(layers: Layers, group: str, channels: dict[str, str]) -> None:
    """Each prefix sends to its group of this name; its member hears that, and nothing else."""
    for prefix, (_, sender) in layers.items():
        await soon(sender.group_send(group, {"type": "hello", "from": prefix}))
    for prefix, (layer, _) in layers.items():
        message = await soon(layer.receive(channels[prefix]))
        assert message == {"type": "hello", "from": prefix}
        await assert_nothing(layer, channels[prefix])


@pytest.fixture
async def layers(address: str) -> AsyncIterator[Layers]:
    """Two layers of each prefix at a hub."""
    async with serving(address), layers_at(address) as layers:
        yield layers


async def assert_nothing(layer: GrpcChannelLayer, channel: str) -> None:
    """Nothing has come, and nothing was on its way."""
    await soon(layer.send(channel, {"type": "last"}))
    assert await soon(layer.receive(channel)) == {"type": "last"}


async def join(layers: Layers, group: str) -> dict[str, str]:
    """A member of a group for each prefix."""
    channels = {}
    for prefix, (layer, _) in layers.items():
        channels[prefix] = await soon(layer.new_channel())
        await soon(layer.group_add(group, channels[prefix]))
    return channels


async def test_groups(address):
    """A message reaches the members of its own prefix, also after the hub was replaced."""
    async with layers_at(address) as layers:
        for hub in range(2):
            async with serving(address):
                if hub == 0:
                    channels = await join(layers, "room")
                await assert_prefixes_stay_apart(layers, "room", channels)


async def test_silence_ends_within_a_prefix(layers):
    """A group that is empty for one prefix is not taken for empty in another."""
    for _ in range(2):
        for _, sender in layers.values():
            await soon(sender.group_send("late", {"type": "nobody"}))
    channels = await join(layers, "late")
    for prefix, (layer, sender) in layers.items():
        await soon(sender.group_send("late", {"type": "hello"}))
        assert await soon(layer.receive(channels[prefix])) == {"type": "hello"}


async def test_named_channels(layers):
    """Channels of a worker, and their memberships, belong to their prefix, and so does a flush."""
    for prefix, (layer, sender) in layers.items():
        await soon(layer.group_add("jobs", "thumbnails"))
        await soon(sender.send("thumbnails", {"type": "one", "from": prefix}))
        await soon(sender.group_send("jobs", {"type": "two", "from": prefix}))
    await soon(layers["staging"][0].flush())
    for prefix in ("", "production"):
        layer, sender = layers[prefix]
        await soon(sender.group_send("jobs", {"type": "three", "from": prefix}))
        got = [await soon(layer.receive("thumbnails")) for _ in range(3)]
        assert got == [{"type": type, "from": prefix} for type in ("one", "two", "three")]
    layer, sender = layers["staging"]
    await soon(sender.group_send("jobs", {"type": "three"}))
    await assert_nothing(layer, "thumbnails")


async def test_flush_without_a_prefix(layers):
    """A layer without a prefix empties its own channels only."""
    for layer, _ in layers.values():
        await soon(layer.send("thumbnails", {"type": "one"}))
    await soon(layers[""][0].flush())
    await assert_nothing(layers[""][1], "thumbnails")
    for prefix in ("staging", "production"):
        assert await soon(layers[prefix][1].receive("thumbnails")) == {"type": "one"}


async def test_channels_of_others(layers):
    """The name of a channel leads nowhere under another prefix."""
    channels = await join(layers, "room")
    await soon(layers["staging"][1].send(channels["production"], {"type": "hello"}))
    await soon(layers["staging"][1].group_discard("room", channels["production"]))
    await soon(layers["production"][1].group_send("room", {"type": "still there"}))
    layer = layers["production"][0]
    assert await soon(layer.receive(channels["production"])) == {"type": "still there"}


async def test_questions(layers):
    """What is asked, as ``websockets_close`` asks, is answered under its own prefix."""
    for prefix, (layer, _) in layers.items():
        await soon(layer.answer("close", lambda question, prefix=prefix: [prefix, question]))
        # What follows on the same connection is handled after that.
        await soon(layer.group_send("nobody", {}))
    for prefix, (_, asker) in layers.items():
        assert await soon(asker.ask("close", 7)) == [[prefix, 7]]


async def test_names_in_figures(layers, monkeypatch):
    """Status and metrics have the project's own names: those of other aliases with the alias."""
    backends = {"default": layers["staging"][0], "other": layers["production"][0]}
    monkeypatch.setattr(channel_layers, "backends", backends)
    for layer in backends.values():
        layer.group_sizes = lambda: {"room": 2}
    message = await figures({"top": 10})
    assert message["groups"] == {"room": 2, "other/room": 2}
    gauges = {"groups": 2, "members": 4, "hub": None, "history": None, "link": None}
    assert message["gauges"] == gauges
