"""Members of groups with history: where they begin, catch up, and what becomes of their replicas.

Each layer is a process of its own, as far as the hub knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.following import followed_groups
from channels_bridge.groups.following.following_node import FollowingNode
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.kept_messages import parse_position
from channels_bridge.groups.history.member_listener import Listener, LogEvent, Notice
from channels_bridge.groups.history.position import (
    Answer,
    Claim,
    Entry,
    Joined,
    Position,
    Why,
)
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.presence.roll import RollChange
from channels_bridge.layers import GrpcChannelLayer
from channels_bridge.runloop.fed_inbox import FedInbox
from channels_bridge.server.websocket.inbox import Inbox
from compat_tests.groups.hubs import HubProcess, soon, until

Make = Callable[..., GrpcChannelLayer]

HISTORY = {"room": {"messages": 50, "except": ["typing"]}, "other": {}}


class Client(Listener):
    """A client that speaks, or not, with its consumer's inbox.

    Args:
        claims: what it says of each group that it was in.
    """

    def __init__(
        self, layer: BridgeChannelLayer, claims: Mapping[str, Claim | Why], *, speaks: bool
    ) -> None:
        self.layer = layer
        self.claims = claims
        self._speaks = speaks
        self.told: list[tuple[str, Answer, Position, Why | None]] = []
        self.inbox = Inbox()
        self.channel = ""

    async def open(self) -> Client:
        self.channel = await self.layer.new_channel()
        feed = self.layer.attach(self.channel, self.inbox, self)
        assert isinstance(feed, Feed)
        self.feed = feed
        self.fed = FedInbox(self.inbox, feed)
        return self

    async def join(self, *groups: str) -> list[Joined | None]:
        return [await soon(self.layer.group_add(group, self.channel)) for group in groups]

    async def next(self) -> Any:
        return await soon(self.fed.get())

    async def numbers(self, count: int) -> list[int]:
        """What the next events say; notices are left out."""
        found: list[int] = []
        while len(found) < count:
            event = await self.next()
            if not isinstance(event, Notice):
                found.append(event["number"])
        return found

    @property
    def scope(self) -> Mapping[str, Any]:
        return {}

    @property
    def speaks(self) -> bool:
        return self._speaks

    @property
    def hears_presence(self) -> bool:
        return False

    def claim(self, group: str) -> Claim | Why | None:
        return self.claims.get(group)

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        self.told.append((group, answer, position, why))

    def left(self, group: str) -> None:
        self.told.append((group, Answer.NEW, Position("", 0), None))

    def roll(self, group: str, change: RollChange) -> None:
        pass


async def open_client(
    layer: BridgeChannelLayer, *, speaks: bool = True, **claims: Claim | Why
) -> Client:
    return await Client(layer, claims, speaks=speaks).open()


@pytest.fixture
async def make_layer(shared_hub: HubProcess, prefix: str) -> AsyncIterator[Make]:
    """Makes layers with history, as in a worker."""
    home_loop.claim()
    layers = []

    def make(**options: Any) -> GrpcChannelLayer:
        config = {"history": HISTORY, "capacity": 5, "prefix": prefix, **options}
        layers.append(GrpcChannelLayer(**{"address": shared_hub.address, **config}))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()


async def send(layer: BridgeChannelLayer, *numbers: int, group: str = "room") -> None:
    for number in numbers:
        await layer.group_send(group, {"type": "message", "number": number})


async def position(layer: BridgeChannelLayer, group: str = "room") -> Position:
    return parse_position(await layer.position(group))


def node(layer: BridgeChannelLayer) -> FollowingNode:
    found = layer._node()
    assert isinstance(found, FollowingNode)
    return found


async def test_one_order(make_layer: Make) -> None:
    """Members of all processes get what all processes send in one order, senders included."""
    layers = [make_layer(capacity=1000, history={"room": {"messages": 1000}}) for _ in range(3)]
    members = [await open_client(layer) for layer in layers]
    for member in members:
        assert await member.join("room") == [Joined(None)]
    await asyncio.gather(
        *(send(layer, *range(first, first + 100)) for first, layer in enumerate_hundreds(layers))
    )
    everything = [await member.numbers(300) for member in members]
    assert everything[0] == everything[1] == everything[2]
    for first, _ in enumerate_hundreds(layers):
        own = [number for number in everything[0] if first <= number < first + 100]
        assert own == list(range(first, first + 100))


def enumerate_hundreds(layers: list[GrpcChannelLayer]) -> list[tuple[int, GrpcChannelLayer]]:
    return [(100 * index, layer) for index, layer in enumerate(layers)]


async def test_what_who_speaks_is_given(make_layer: Make) -> None:
    """Messages come with their entries, those that aren't kept with number 0; others plain."""
    layer = make_layer()
    speaking, plain = await open_client(layer), await open_client(layer, speaks=False)
    for member in (speaking, plain):
        await member.join("room")
    await send(layer, 1)
    await layer.group_send("room", {"type": "typing", "number": 2})
    first, second = await speaking.next(), await speaking.next()
    assert isinstance(first, LogEvent)
    assert first == {"type": "message", "number": 1}
    assert (first.group, first.entry.offset, first.is_replay) == ("room", 1, False)
    assert (second["number"], second.entry.offset) == (2, 0)
    assert speaking.told == [("room", Answer.NEW, Position(first.entry.epoch, 0), None)]
    assert type(await plain.next()) is dict
    assert plain.told == []


async def test_resuming_in_another_process(make_layer: Make) -> None:
    """Who was away, and comes back to another process, gets what it missed, then what comes."""
    one, two = make_layer(), make_layer()
    before = await position(one)
    await send(one, *range(20))
    await send(two, *range(20, 40))
    member = await open_client(two, room=Claim(before))
    assert await member.join("room") == [Joined(True, 40)]
    await send(one, 40)
    events = [await member.next() for _ in range(42)]
    # Whether it has caught up before or after the last of them came is nobody's to say.
    (notice,) = [event for event in events[40:] if isinstance(event, Notice)]
    assert (notice.group, notice.why) == ("room", None)
    assert [event["number"] for event in events if event is not notice] == list(range(41))
    assert member.told == [("room", Answer.OK, before, None)]
    await send(one, 41)
    event = await member.next()
    assert (event["number"], event.is_replay) == (41, False)


async def test_ahead_of_this_process(make_layer: Make) -> None:
    """Another process was faster: the log is asked for before anything is said to be missing."""
    one, two = make_layer(), make_layer()
    slow = await open_client(two)
    await slow.join("room")
    replica = node(two)._follower._followed.find("room")
    assert replica is not None
    take, held = replica.take_entry, []
    # What is on its way to this process.
    node(two)._follower.on_entries = lambda topic, entries: held.extend(entries)  # type: ignore[method-assign]
    await send(one, 1, 2)
    await until(lambda: len(held) == 2)
    claims = Claim(held[1].position)
    crowd = [await open_client(two, room=claims) for _ in range(20)]
    follow, asked = node(two)._history_transport.follow, []

    def count(topic: str) -> Any:
        asked.append(topic)
        return follow(topic)

    node(two)._history_transport.follow = count  # type: ignore[method-assign]
    joined = await asyncio.gather(*(member.join("room") for member in crowd))
    assert joined == [[Joined(True, 0)]] * 20
    assert len(asked) <= 2
    assert await slow.numbers(2) == [1, 2]
    assert take(held[1], 0.0)  # it is here already


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (Claim(Position("zzzzzz", 3)), Why.UNKNOWN),
        (Why.TICKET, Why.TICKET),
        ("early", Why.EXPIRED),
        ("late", Why.UNKNOWN),
    ],
)
async def test_gaps_are_told(
    make_layer: Make, claim: Any, why: Why, caplog: pytest.LogCaptureFixture
) -> None:
    """Where something is missing the member is told, and begins with what there is now; a line in
    the log tells how often.
    """
    layer = make_layer()
    before = await position(layer)
    await send(layer, *range(60))
    head = await position(layer)
    if claim == "early":
        claim = Claim(before)
    elif claim == "late":
        claim = Claim(Position(head.epoch, head.offset + 5))
    member = await open_client(layer, room=claim)
    assert await member.join("room") == [Joined(False)]
    assert member.told == [("room", Answer.GAP, head, why)]
    await send(layer, 60)
    assert await member.numbers(1) == [60]
    with caplog.at_level(logging.INFO, "channels_bridge.groups"):
        for _ in range(2):
            node(layer)._follower.sweep()
    assert caplog.text.count("1 times a member of a group missed messages") == 1


async def test_several_groups(make_layer: Make) -> None:
    """What a member missed in several groups comes in the order in which it was sent."""
    one, two = make_layer(), make_layer()
    claims = {group: Claim(await position(one, group)) for group in ("room", "other")}
    for number in range(40):
        await send(one, number, group=["room", "other"][number % 3 == 0])
    member = await open_client(two, **claims)
    await member.join("other", "room")
    assert await member.numbers(40) == list(range(40))


async def test_added_by_another_process(make_layer: Make) -> None:
    """A member that another process adds has what is sent after that has returned."""
    one, two = make_layer(), make_layer()
    member = await open_client(two)
    await send(one, 0)
    assert await soon(one.group_add("room", member.channel)) is None
    await send(one, 1)
    assert await member.numbers(1) == [1]
    await soon(one.group_discard("room", member.channel))
    await send(one, 2)
    await two.send(member.channel, {"type": "message", "number": 3})
    assert await member.numbers(1) == [3]
    assert [answer for _, answer, _, _ in member.told] == [Answer.NEW, Answer.NEW]


async def test_joining_twice(make_layer: Make) -> None:
    """Who is a member stays it, and nothing comes twice."""
    layer = make_layer()
    member = await open_client(layer)
    await member.join("room", "room")
    await send(layer, 1, 2)
    assert await member.numbers(2) == [1, 2]
    assert len(member.told) == 1


async def test_followed_for_a_while(make_layer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group whose last member has left is followed on, and then no longer."""
    layer = make_layer()
    member = await open_client(layer)
    await member.join("room")
    layer.detach(member.channel)
    await send(layer, 1)
    follower = node(layer)._follower
    follower.sweep()
    assert follower.statistics().replicas == 1
    monkeypatch.setattr(followed_groups, "LINGER", 0)
    follower.sweep()
    assert follower.statistics() == layer.statistics().history
    assert (follower.statistics().replicas, follower.statistics().bytes) == (0, 0)
    # Again, from the beginning.
    again = await open_client(layer)
    monkeypatch.undo()
    await again.join("room")
    await send(layer, 2)
    assert await again.numbers(1) == [2]
    assert len(await layer.history("room")) == 2


async def test_a_hole_is_mended(make_layer: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Should an entry be missing on the way, that is said, and the log is asked for as a whole."""
    layer = make_layer()
    member = await open_client(layer)
    await member.join("room")
    await send(layer, 1)
    assert await member.numbers(1) == [1]
    follower = node(layer)._follower
    given, dropped = follower.on_entries, []

    def lossy(topic: str, entries: Sequence[Entry]) -> None:
        if not dropped:
            dropped.append(entries[0])
            entries = entries[1:]
        if entries:
            given(topic, entries)

    follower.on_entries = lossy  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR, "channels_bridge.groups"):
        await send(layer, 2, 3, 4)
        assert await member.numbers(3) == [2, 3, 4]
    (record,) = caplog.records
    assert "the history of group 'room' has a hole here" in record.getMessage()


async def test_broken_payload(make_layer: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A message that can't be read is logged, and costs no member the others."""
    layer = make_layer()
    live = await open_client(layer)
    await live.join("room")
    start = await position(layer)
    transport = node(layer)._history_transport
    bounds = layer.config.history_policy("room")
    assert bounds is not None
    await send(layer, 1)
    await transport.append_confirmed("g:room", b"\xc1", bounds.bounds, kept=True)
    await send(layer, 2)
    late = await open_client(layer, room=Claim(start))
    await late.join("room")
    for member in (live, late):
        events = [await member.next() for _ in range(3)]
        assert [event.get("number") for event in events] == [1, None, 2]
        assert events[1].why is Why.FAILED
    assert [kept.message["number"] for kept in await layer.history("room")] == [1, 2]
    assert "can't be delivered" in caplog.text


async def test_hub_is_away(make_layer: Make, hub: HubProcess) -> None:
    """While there is no hub, who is followed goes on with what there is; others are told."""
    layer = make_layer(address=hub.address, timeout=0.5)
    first = await open_client(layer)
    await first.join("room")
    await send(layer, 1)
    assert await first.numbers(1) == [1]
    behind = Claim(await position(layer))
    hub.kill()
    second = await open_client(layer, room=behind)
    assert await second.join("room") == [Joined(True, 0)]
    with pytest.raises(TransportUnavailable):
        await second.join("other")
    await send(layer, 2)  # it waits here
    hub.start()
    assert await first.numbers(1) == await second.numbers(1) == [2]
    await second.join("other")


async def test_flushed_once(make_layer: Make) -> None:
    """Who follows is given an empty log, and no other after that."""
    one, two = make_layer(), make_layer()
    await (await open_client(one)).join("room")
    follower, excerpts = node(one)._follower, []
    follower.on_excerpt = lambda topic, excerpt: excerpts.append(topic)  # type: ignore[method-assign,assignment]
    await soon(two.flush())
    await one.history("room")  # all that the hub has said before that has come
    assert excerpts == ["g:room"]


async def test_flushed(make_layer: Make) -> None:
    """After flush() nobody is a member, and who was is told that something is missing."""
    one, two = make_layer(), make_layer()
    member = await open_client(one)
    await member.join("room")
    await send(two, 1)
    assert await member.numbers(1) == [1]
    claim = Claim(await position(two))
    await soon(two.flush())
    await send(two, 2)
    assert one.group_sizes() == {}
    again = await open_client(one, room=claim)
    assert await again.join("room") == [Joined(False)]
    await send(two, 3)
    assert await again.numbers(1) == [3]
