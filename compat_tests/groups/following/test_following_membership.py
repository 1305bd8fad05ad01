"""What is new goes to the members that are live, made once for all whose frames are shared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from channels_bridge.groups import shared_frame
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.history.plain_listener import PlainListener
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.shared_frames import Sharing, make_marked
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.server.websocket.inbox import Inbox


class Speaking(PlainListener):
    """One whose client is told where it is."""

    speaks = True


class Room:
    """A consumer whose members are all sent the same."""

    made: ClassVar[list[str]] = []

    @shared_frame
    @classmethod
    def message(cls, event: dict[str, Any]) -> str:
        cls.made.append(event["text"])
        return str(event["text"])


def sharing(send: Callable[[str | bytes], bool]) -> Sharing:
    """For a consumer that has nothing to do."""
    member = SimpleNamespace(is_idle=lambda: True, send_now=send)
    return Sharing(Room(), None, member, member, make_marked)


@pytest.fixture
async def layer() -> AsyncIterator[LocalChannelLayer]:
    """A layer as in a worker; consumers have room for one message."""
    home_loop.claim()
    made = LocalChannelLayer(history={"room": {"except": ["typing"]}}, capacity=1)
    yield made
    await made.close()


async def join(layer: LocalChannelLayer, listener: PlainListener | None = None) -> Any:
    """A member; returns its inbox and its feed."""
    channel, inbox = await layer.new_channel(), Inbox()
    feed = layer.attach(channel, inbox, listener)
    await layer.group_add("room", channel)
    return inbox, feed


async def send(layer: LocalChannelLayer, *texts: str, type: str = "message") -> None:
    for text in texts:
        await layer.group_send("room", {"type": type, "text": text})


async def test_shared_once(layer: LocalChannelLayer) -> None:
    """A shared handler is called once for each message, whoever is a member."""
    Room.made.clear()
    sent: list[tuple[int, str | bytes]] = []
    inboxes = [(await join(layer, listener))[0] for listener in (None, Speaking({}), None)]
    for number, inbox in enumerate(inboxes):

        def note(content: str | bytes, number: int = number) -> bool:
            sent.append((number, content))
            return True

        inbox.sharing = sharing(note)
    await send(layer, "one", "two")
    assert sent == [(number, text) for text in ("one", "two") for number in range(3)]
    assert Room.made == ["one", "two"]


async def test_each_has_its_own(layer: LocalChannelLayer) -> None:
    """Members don't share what they may change."""
    (plain, _), (other, _), (speaking, _) = [
        await join(layer, listener) for listener in (None, PlainListener({}), Speaking({}))
    ]
    await layer.group_send("room", {"type": "message", "list": [1]})
    events = [inbox.pop() for inbox in (plain, other, speaking)]
    assert [type(event) for event in events] == [dict, dict, LogEvent]
    for event in events:
        assert event["list"] == [1]
        event["list"].append(2)


async def test_behind(layer: LocalChannelLayer) -> None:
    """Nothing that is kept is put beside the feed, until the member is live again."""
    inbox, feed = await join(layer)
    await send(layer, "one", "two")
    assert inbox.pop()["text"] == "one"
    await send(layer, "three")
    assert feed.is_behind
    assert inbox.waiting == 0
    assert [feed.take()["text"] for _ in range(2)] == ["two", "three"]
    assert feed.is_behind
    assert feed.take() is None
    assert not feed.is_behind
    await send(layer, "four")
    assert inbox.pop()["text"] == "four"


async def test_what_is_not_kept(layer: LocalChannelLayer) -> None:
    """It is dropped for who has no room, or is behind, and counted."""
    inbox, feed = await join(layer)
    await send(layer, "now", type="typing")
    await send(layer, "full", type="typing")
    assert layer.messages_dropped == 1
    assert not feed.is_behind
    await send(layer, "kept")
    assert feed.is_behind
    inbox.pop()
    await send(layer, "behind", type="typing")
    assert layer.messages_dropped == 2
    assert feed.take()["text"] == "kept"


async def test_other_messages_drop_none_that_is_kept() -> None:
    """With ``overflow`` "drop_oldest" what goes to other groups takes no room from what is kept."""
    home_loop.claim()
    layer = LocalChannelLayer(history={"room": {}}, capacity=3, overflow="drop_oldest")
    channel, inbox = await layer.new_channel(), Inbox()
    layer.attach(channel, inbox)
    for group in ("room", "plain"):
        await layer.group_add(group, channel)
    for group, text in [("room", "one"), ("plain", "old"), ("room", "two"), ("plain", "new")]:
        await layer.group_send(group, {"type": "message", "text": text})
    assert [(inbox.pop() or {}).get("text") for _ in range(4)] == ["one", "two", "new", None]
    assert layer.messages_dropped == 1
    await layer.close()


async def test_what_fails_for_one(layer: LocalChannelLayer) -> None:
    """Who can't be sent what a shared handler makes gets it otherwise; the others get it once."""
    members = [await join(layer) for _ in range(3)]
    members[1][0].sharing = sharing(fail)
    await send(layer, "one")
    for inbox, feed in members:
        event = feed.take() if feed.is_behind else inbox.pop()
        assert event["text"] == "one"
        assert (inbox.pop(), feed.take()) == (None, None)


def fail(content: str | bytes) -> bool:
    raise ValueError(content)


async def test_woken(layer: LocalChannelLayer) -> None:
    """Who waits with an empty inbox is told that there is something in the feed."""
    inbox, feed = await join(layer)
    inbox.capacity = 0
    waiting = inbox.wait()
    assert inbox.is_idle()
    await send(layer, "one")
    assert not inbox.is_idle()
    await waiting
    assert feed.take()["text"] == "one"
