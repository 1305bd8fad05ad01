"""What a layer tells of groups with history: ``history()``, ``position()``, statistics."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from channels_bridge.groups.following import followed_groups
from channels_bridge.groups.following.following_node import FollowingNode
from channels_bridge.groups.history.position import Joined
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.layers import LocalChannelLayer

CHAT = {"chat.*": {"messages": 3, "except": ["typing"]}}


@pytest.fixture
async def layer() -> AsyncIterator[BridgeChannelLayer]:
    """A layer of one process, some of whose groups have history."""
    made = LocalChannelLayer(history=CHAT)
    yield made
    await made.close()


def message(number: int) -> dict[str, Any]:
    return {"type": "chat.message", "number": number}


async def numbers(layer: BridgeChannelLayer, **options: Any) -> list[int]:
    return [kept.message["number"] for kept in await layer.history("chat.a", **options)]


async def test_history(layer: BridgeChannelLayer) -> None:
    """What was sent is there for whoever asks, within the bounds, and nothing that is excepted."""
    assert await layer.history("chat.a") == []
    for number in range(5):
        await layer.group_send("chat.a", message(number))
        await layer.group_send("chat.a", {"type": "typing"})
    await layer.group_send("chat.b", message(9))
    kept = await layer.history("chat.a")
    assert [item.message for item in kept] == [message(2), message(3), message(4)]
    assert kept.is_complete
    assert kept[0].age >= kept[2].age >= 0
    assert await numbers(layer, limit=2) == [3, 4]
    assert await numbers(layer, limit=0) == []
    assert await numbers(layer, after=kept[0].position) == [3, 4]
    assert await numbers(layer, after=kept[0].position, limit=1) == [3]
    assert await layer.position("chat.a") == kept[2].position


async def test_position_is_before_what_follows(layer: BridgeChannelLayer) -> None:
    """A page that was given a position asks for what came behind it."""
    position = await layer.position("chat.a")
    await layer.group_send("chat.a", message(1))
    await layer.group_send("chat.a", message(2))
    assert await numbers(layer, after=position) == [1, 2]
    await layer.group_send("chat.a", message(3))
    assert (await layer.history("chat.a", after=position)).is_complete
    await layer.group_send("chat.a", message(4))
    late = await layer.history("chat.a", after=position)
    assert not late.is_complete
    assert [kept.message["number"] for kept in late] == [2, 3, 4]


async def test_flush(layer: BridgeChannelLayer) -> None:
    """What is flushed is gone, and positions from before say so."""
    await layer.group_send("chat.a", message(1))
    position = await layer.position("chat.a")
    await layer.flush()
    await layer.group_send("chat.a", message(2))
    again = await layer.history("chat.a", after=position)
    assert not again.is_complete
    assert [kept.message["number"] for kept in again] == [2]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda layer: layer.history("news"), "group 'news' has no history: write.*'news': {}"),
        (lambda layer: layer.position("news"), "group 'news' has no history"),
        (lambda layer: layer.history("chat.a", after="7"), "'7' is no position"),
        (lambda layer: layer.history("chat.a", after="e.-1"), "'e.-1' is no position"),
        (lambda layer: layer.history("chat.a", after=7), "7 is no position"),
        (lambda layer: layer.history("chat.a", limit=-1), "limit must be a whole number"),
        (lambda layer: layer.history("chat.a", limit="3"), "limit must be a whole number"),
    ],
)
async def test_bad_questions(layer: BridgeChannelLayer, ask: Any, error: str) -> None:
    """Each mistake is named."""
    with pytest.raises(ValueError, match=error):
        await ask(layer)
    with pytest.raises(TypeError, match="Group name"):
        await layer.history("no group")


async def test_unknown_position(layer: BridgeChannelLayer) -> None:
    """Behind a position that nobody knows there may be anything: all is returned, and said so."""
    await layer.group_send("chat.a", message(1))
    kept = await layer.history("chat.a", after="zzzzzz.7")
    assert [item.message for item in kept] == [message(1)]
    assert not kept.is_complete


async def test_members_without_inbox(layer: BridgeChannelLayer) -> None:
    """Who receives by name gets what it gets in any group, in the order of the log."""
    channel = await layer.new_channel()
    assert await layer.group_add("chat.a", channel) == Joined(None)
    assert await layer.group_add("news", channel) is None
    await layer.group_send_many(["chat.a", "news"], message(1))
    await layer.group_send("chat.a", {"type": "typing"})
    received = [await layer.receive(channel) for _ in range(3)]
    assert received == [message(1), message(1), {"type": "typing"}]
    await layer.group_discard("chat.a", channel)
    await layer.group_send("chat.a", message(2))
    await layer.send(channel, message(3))
    assert await layer.receive(channel) == message(3)


def test_from_threads() -> None:
    """Threads without a loop send and ask; each member gets all of it in the one order."""
    layer = LocalChannelLayer(history={"chat.*": {"messages": 1000}})
    channels = [async_to_sync(layer.new_channel)() for _ in range(2)]
    for channel in channels:
        async_to_sync(layer.group_add)("chat.a", channel)

    def send(first: int) -> None:
        for number in range(first, first + 20):
            async_to_sync(layer.group_send)("chat.a", message(number))

    threads = [threading.Thread(target=send, args=[first]) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [item.message for item in async_to_sync(layer.history)("chat.a")]
    assert sorted(item["number"] for item in kept) == sorted(
        first + offset for first in (0, 100, 200) for offset in range(20)
    )
    for channel in channels:
        assert [async_to_sync(layer.receive)(channel) for _ in kept] == kept
    async_to_sync(layer.close)()


async def test_joining_while_a_group_is_given_up(
    layer: BridgeChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread joins a group just when another one stops to follow it: it is followed on."""
    channel = await layer.new_channel()
    await layer.group_add("chat.a", channel)
    await layer.group_discard("chat.a", channel)
    node = layer._node()
    assert isinstance(node, FollowingNode)
    unfollow = node._history_transport.unfollow

    def unfollow_late(topic: str) -> None:
        thread = threading.Thread(target=async_to_sync(layer.group_add), args=["chat.a", channel])
        thread.start()
        thread.join()
        unfollow(topic)

    monkeypatch.setattr(node._history_transport, "unfollow", unfollow_late)
    monkeypatch.setattr(followed_groups, "LINGER", 0)
    node._follower.sweep()
    await layer.group_send("chat.a", message(1))
    assert await layer.receive(channel) == message(1)


async def test_statistics(layer: BridgeChannelLayer) -> None:
    """A layer says how much it keeps; one without history says nothing."""
    await layer.group_add("chat.a", await layer.new_channel())
    await layer.group_send("chat.a", message(1))
    history = layer.statistics().history
    assert history is not None
    assert (history.replicas, history.messages) == (1, 1)
    assert history.bytes > 0
    plain = LocalChannelLayer()
    await plain.new_channel()
    assert plain.statistics().history is None
    await plain.close()
