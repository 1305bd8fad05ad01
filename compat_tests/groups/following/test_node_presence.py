"""Presence at one node: who is listed, and who is told, over the transport of one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from channels_bridge import presence
from channels_bridge.groups import aclose_all
from channels_bridge.groups.following import who_is_it
from channels_bridge.groups.history.plain_listener import PlainListener
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.presence.roll import RollChange
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.server.websocket.inbox import Inbox
from compat_tests.groups.hubs import DEADLINE, until

HERE = f"{__name__}.describe"
OPTIONS = {"describe": HERE, "linger": 0, "limit": 3, "channel": "presence"}


def describe(scope: Mapping[str, Any]) -> Any:
    """What the test wants."""
    answer = scope["says"]
    return answer() if callable(answer) else answer


def ask_database() -> None:
    """What must not be done on an event loop."""
    connection.cursor()


class Room:
    """An inbox."""

    sharing = None

    def __init__(self) -> None:
        self.capacity = 100
        self.room = 1000
        self.events: list[dict[str, Any]] = []

    def put_message(self, message: Any, expires: float = 0) -> bool:
        if self.room > 0:
            self.room -= 1
            self.events.append(message)
        return self.room >= 0 and bool(self.events) and self.events[-1] is message

    def wake(self) -> None:
        """Nobody waits."""


class Speaker(PlainListener):
    """A connection whose client speaks the protocol."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        super().__init__(scope)
        self.rolls: list[RollChange] = []

    @property
    def speaks(self) -> bool:
        return True

    def roll(self, group: str, change: RollChange) -> None:
        self.rolls.append(change)


class Connection:
    """One that may join groups."""

    def __init__(self, layer: BridgeChannelLayer, says: Any, **scope: Any) -> None:
        self.layer = layer
        self.inbox = Room()
        self.scope = {"says": says, **scope}
        self.listener: Any = PlainListener(self.scope, hears_presence=True)

    async def join(self, group: str = "chat.a") -> None:
        self.channel = await self.layer.new_channel()
        self.layer.attach(self.channel, self.inbox, self.listener)
        await self.layer.group_add(group, self.channel)

    def end(self) -> None:
        self.layer.detach(self.channel)

    @property
    def told(self) -> set[str]:
        """Whom its consumer believes to be there."""
        told: set[str] = set()
        for event in self.inbox.events:
            assert event["type"] == "presence.changed"
            assert event["group"] == "chat.a"
            if event["whole"]:
                told = set()
            told = (told | set(event["joined"])) - set(event["left"])
        return told


@pytest.fixture
async def layer() -> AsyncIterator[BridgeChannelLayer]:
    """A layer of a worker that is alone."""
    home_loop.claim()
    made = LocalChannelLayer(presence={"chat.*": OPTIONS, "count.*": {"linger": 0}})
    yield made
    await made.close()
    await aclose_all()


def named(key: object, info: object = None) -> dict[str, object]:
    return {"key": key, "info": info}


async def keys(layer: BridgeChannelLayer, group: str = "chat.a") -> list[str]:
    return [person.key for person in await layer.presence(group)]


async def test_who_is_there(layer: BridgeChannelLayer) -> None:
    """Tabs are one; whoever has no connection left is gone; nobody needs to watch."""
    ann, tab = (Connection(layer, named(1, {"name": "Ann"})) for _ in range(2))
    bob = Connection(layer, named("bob"))
    for each in (ann, tab, bob):
        each.listener = PlainListener(each.scope)
        await each.join()
    people = {person.key: person for person in await layer.presence("chat.a")}
    assert people["1"].info == {"name": "Ann"}
    assert people["1"].connections == 1
    assert 0 <= people["1"].since < DEADLINE
    assert await layer.presence_count("chat.a") == 2
    ann.end()
    assert await layer.presence_count("chat.a") == 2
    tab.end()
    await bob.layer.group_discard("chat.a", bob.channel)
    await gone(layer, "chat.a")


async def gone(layer: BridgeChannelLayer, group: str) -> None:
    """Wait until nobody is there."""
    for _ in range(100 * DEADLINE):
        if not await layer.presence_count(group):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("somebody is still there")


async def test_consumers_are_told(layer: BridgeChannelLayer) -> None:
    """First who is there, then who comes and goes; each has its own copy of what it is told."""
    ann, bob = Connection(layer, named("ann", [1])), Connection(layer, named("bob"))
    await ann.join()
    await until(lambda: ann.told == {"ann"})
    await bob.join()
    await until(lambda: ann.told == bob.told == {"ann", "bob"})
    first, second = (each.inbox.events for each in (ann, bob))
    seen = next(event["joined"]["ann"] for event in first if "ann" in event["joined"])
    seen.append(2)
    assert second[0]["joined"]["ann"] == [1]
    bob.end()
    await until(lambda: ann.told == {"ann"})
    assert first[-1]["left"] == ["bob"] and first[-1]["count"] == 1
    assert await keys(layer) == ["ann"]


async def test_clients_are_told(layer: BridgeChannelLayer) -> None:
    """Those who speak the protocol, by it; their consumers only where they have a handler."""
    ann, bob = Connection(layer, named("ann")), Connection(layer, named("bob", "B"))
    ann.listener = speaker = Speaker(ann.scope)
    await ann.join()
    await until(lambda: bool(speaker.rolls) and "ann" in speaker.rolls[-1].came)
    await bob.join()
    await until(lambda: "bob" in speaker.rolls[-1].came)
    assert speaker.rolls[0].is_whole
    assert speaker.rolls[-1].came["bob"].info == "B"
    versions = [change.version for change in speaker.rolls]
    assert versions == list(range(versions[0], versions[0] + len(versions)))
    assert ann.inbox.events == []


async def test_a_crowd(layer: BridgeChannelLayer) -> None:
    """Over the limit only the number is told; whoever asks gets all nevertheless."""
    ann = Connection(layer, named("ann"))
    await ann.join()
    crowd = [Connection(layer, named(number)) for number in range(5)]
    for each in crowd:
        await each.join()
    await until(lambda: ann.inbox.events[-1]["count"] == 6)
    assert ann.inbox.events[-1]["joined"] == {} and ann.told == set()
    assert len(await layer.presence("chat.a")) == 6
    for each in crowd:
        each.end()
    await until(lambda: ann.told == {"ann"})


async def test_a_full_consumer(layer: BridgeChannelLayer) -> None:
    """It is told all when it has room again."""
    ann = Connection(layer, named("ann"))
    await ann.join()
    await until(lambda: ann.told == {"ann"})
    ann.inbox.room = 0
    bob = Connection(layer, named("bob"))
    await bob.join()
    await until(lambda: bob.told == {"ann", "bob"})
    assert ann.told == {"ann"}
    ann.inbox.room = 10
    cleo = Connection(layer, named("cleo"))
    await cleo.join()
    await until(lambda: ann.told == {"ann", "bob", "cleo"})
    assert ann.inbox.events[-1]["whole"]


async def test_a_busy_consumer() -> None:
    """What it was told waits for it, whatever else comes: the next change builds on it."""
    home_loop.claim()
    layer = LocalChannelLayer(presence={"chat.*": OPTIONS}, overflow="drop_oldest")
    ann = Connection(layer, named("ann"))
    ann.inbox = inbox = Inbox()  # type: ignore[assignment]
    await ann.join()
    await until(lambda: inbox.waiting == 1)
    inbox.drop_oldest()
    assert (inbox.pop() or {})["joined"] == {"ann": None}
    await layer.close()


async def test_a_named_channel(layer: BridgeChannelLayer) -> None:
    """A worker for it is told of each once."""
    ann = Connection(layer, named("ann", "A"))
    await ann.join()
    ann.end()
    events = [await asyncio.wait_for(layer.receive("presence"), DEADLINE) for _ in range(2)]
    about = {"group": "chat.a", "key": "ann", "info": "A"}
    assert events == [{"type": "presence.join", **about}, {"type": "presence.left", **about}]


async def test_without_names(layer: BridgeChannelLayer) -> None:
    """Only their number is told; users are counted once, others by connection."""
    user = SimpleNamespace(is_authenticated=True, pk=4321, email="ann@example.com")
    guests = [Connection(layer, None, user=SimpleNamespace(is_authenticated=False)) for _ in "12"]
    tabs = [Connection(layer, None, user=user) for _ in "12"]
    for each in (*guests, *tabs):
        await each.join("count.a")
    assert await layer.presence_count("count.a") == 3
    await until(lambda: tabs[0].inbox.events[-1]["count"] == 3)
    assert all(event["joined"] == {} for event in tabs[0].inbox.events)
    for person in await layer.presence("count.a"):
        assert person.info is None
        assert "4321" not in person.key


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (lambda: 1 / 0, "it has raised ZeroDivisionError"),
        (named("ann", object()), "its info must be what JSON can hold"),
        ("ann", "it must return a dict"),
        (ask_database, "it asks the database, which it must not wait for"),
    ],
)
async def test_a_bad_description(
    layer: BridgeChannelLayer, says: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for many; the connection is a member like any other, and isn't listed."""
    bad = [Connection(layer, says) for _ in range(3)]
    for each in bad:
        await each.join()
    assert await layer.presence("chat.a") == []
    await layer.group_send("chat.a", {"type": "presence.changed", "mark": True})
    assert all(each.inbox.events[-1].get("mark") for each in bad)
    (line,) = [line for line in caplog.messages if "not listed as present" in line]
    assert f"because of {HERE}: {reason}" in line


async def test_who_is_not_to_be_listed(layer: BridgeChannelLayer) -> None:
    """None is nobody; whoever joins again may have become somebody, or nobody."""
    ghost = Connection(layer, None)
    await ghost.join()
    assert await layer.presence("chat.a") == []
    ghost.scope["says"] = named("ann")
    await layer.group_add("chat.a", ghost.channel)
    assert [person.key for person in await layer.presence("chat.a")] in ([], ["ann"])
    await until(lambda: ghost.told == {"ann"})
    ghost.scope["says"] = named("bob")
    await layer.group_add("chat.a", ghost.channel)
    await until(lambda: ghost.told == {"bob"})


async def test_flush(layer: BridgeChannelLayer) -> None:
    """All have left all groups."""
    ann = Connection(layer, named("ann"))
    await ann.join()
    await layer.flush()
    await gone(layer, "chat.a")


async def test_nothing_is_left(layer: BridgeChannelLayer) -> None:
    """Of connections that have ended."""
    people = [Connection(layer, named(number)) for number in range(5)]
    for each in people:
        await each.join()
        await layer.group_add("chat.b", each.channel)
    node = layer._node()
    for each in people:
        each.end()
    own = node.presence  # type: ignore[attr-defined]
    for memory in ("_connections", "_members", "_replicas", "_watching"):
        assert not getattr(own, memory), memory
    assert own.keys == 0
    await gone(layer, "chat.a")


async def test_not_configured(layer: BridgeChannelLayer) -> None:
    """The error says what to write."""
    with pytest.raises(ValueError, match="\"presence\": {'news': {}}"):
        await layer.presence("news")
    with pytest.raises(ValueError, match="has no presence"):
        await layer.presence_count("news")


async def test_views_must_not_block(layer: BridgeChannelLayer) -> None:
    """The synchronous functions say what to write on an event loop."""
    with pytest.raises(RuntimeError, match="write await amembers"):
        presence.members("chat.a")
    with pytest.raises(RuntimeError, match="write await acount"):
        presence.count("chat.a")


def test_anonymous_keys_are_no_names() -> None:
    """They are the same for a user everywhere, and can't be turned into the user."""
    user = SimpleNamespace(is_authenticated=True, pk=7)
    first, second = (who_is_it._anonymous_key(name, {"user": user}) for name in ("a", "b"))
    assert first == second and len(first) == 17
    assert who_is_it._anonymous_key("a", {}) != who_is_it._anonymous_key("b", {})
