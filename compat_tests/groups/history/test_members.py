"""Members: what each is given, told and fed, whatever becomes of its process' replica."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest

from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import Feed, FeedFigures
from channels_bridge.groups.history.member import Member
from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import (
    Answer,
    Bounds,
    Claim,
    Entry,
    Excerpt,
    Joined,
    Position,
    Run,
    Why,
)
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history.shelf import Shelf

EPOCH = "epoch1"


class Process:
    """A process with replicas, at a hub that is played by the test."""

    def __init__(self, messages: int = 100) -> None:
        self.bounds = Bounds(messages, 100.0)
        self.shelf = Shelf(1e9)
        self.order = 0

    def follow(self, group: str = "a", *, sent: int = 0, floor: int = 0) -> Replica[Cursor]:
        """Follow a group in which so much was sent before."""
        replica: Replica[Cursor] = Replica(group, self.bounds, self.shelf, self.deliver)
        replica.take_excerpt(self.whole(EPOCH, floor, sent), 0.0)
        return replica

    def whole(self, epoch: str, floor: int, sent: int, runs: list[Run] | None = None) -> Excerpt:
        """What a log has."""
        entries = [self.entry(number, epoch) for number in range(floor + 1, sent + 1)]
        return Excerpt(True, floor, runs or [Run(epoch, 1, sent)], entries)

    def entry(self, number: int, epoch: str = EPOCH) -> Entry:
        """The next message of all groups; the number is that in its group."""
        self.order += 1
        return Entry(epoch, number, self.order, b"s", self.order, b"%d" % number, 0.0)

    def send(self, replica: Replica[Cursor], times: int = 1) -> None:
        """Let messages come from the hub."""
        for _ in range(times):
            assert replica.take_entry(self.entry(replica.log.head + 1), 0.0)

    def pass_on(self, replica: Replica[Cursor]) -> None:
        """Let a message come that isn't kept."""
        assert replica.take_entry(self.entry(0), 0.0)

    def deliver(self, replica: Replica[Cursor], entry: Entry) -> None:
        """Give an entry to the members."""
        for cursor in replica.cursors.values():
            message = {"text": entry.payload.decode()}
            speaks = cursor.feed.speaks
            cursor.give(entry, LogEvent(message, replica.group, entry) if speaks else message)


class Connection:
    """A member, its inbox, and what it is told."""

    scope: Mapping[str, Any] = {}

    def __init__(self, *, speaks: bool = True, capacity: int = 100) -> None:
        self.capacity = capacity
        self.speaks = speaks
        self.inbox: deque[Any] = deque()
        self.told: list[Any] = []
        self.claims: dict[str, Claim | Why] = {}
        self.woken = 0
        self.figures = FeedFigures()
        self.feed = Feed(
            self, decode=self.decode, figures=self.figures, speaks=speaks, wake=self.wake
        )
        self.member = Member("channel", self.feed, self)

    def decode(self, payload: bytes) -> dict[str, Any] | None:
        """Make a message."""
        return None if payload == b"13" else {"text": payload.decode()}

    def wake(self) -> None:
        """Look at the feed."""
        self.woken += 1

    def put_message(self, message: Any, expires: float) -> bool:
        """Add a message, if there is room."""
        if len(self.inbox) == self.capacity:
            return False
        self.inbox.append(message)
        return True

    def claim(self, group: str) -> Claim | Why | None:
        """What the client has said."""
        return self.claims.get(group)

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """It is a member."""
        self.told.append((group, answer, position, why))

    def left(self, group: str) -> None:
        """It is none."""
        self.told.append((group, "left"))

    def join(self, replica: Replica[Cursor], claim: Claim | Why | None = None) -> Joined:
        """Join a group, with that claim."""
        if claim is not None:
            self.claims[replica.group] = claim
        return self.member.join(replica, self.member.claim(replica.group))

    def take_all(self) -> list[Any]:
        """Take what its run loop would take."""
        taken = []
        while self.inbox or self.feed.is_behind:
            event = self.inbox.popleft() if self.inbox else self.feed.take()
            taken += [] if event is None else [brief(event)]
        return taken


def brief(event: Any) -> Any:
    """What is looked at: a message's text, or what a notice says."""
    if isinstance(event, Notice):
        return (event.why.value if event.why else "live", event.position.offset)
    return event["text"]


def at(offset: int, frames: int = 0, epoch: str = EPOCH) -> Claim:
    """A client's claim."""
    return Claim(Position(epoch, offset), frames)


# Live.


def test_live() -> None:
    """Messages go into the inbox as they come, with their entries for those who speak."""
    process, one, other = Process(), Connection(), Connection(speaks=False)
    replica = process.follow(sent=3)
    assert one.join(replica) == Joined(None)
    assert one.told == [("a", Answer.NEW, Position(EPOCH, 3), None)]
    other.member.channel = "other"
    other.join(replica)
    assert other.told == []
    process.send(replica)
    event = one.inbox[0]
    assert isinstance(event, LogEvent)
    assert (event, event.group, event.entry.offset, event.is_replay) == (
        {"text": "4"},
        "a",
        4,
        False,
    )
    assert type(other.inbox[0]) is dict
    assert not one.feed.is_behind and one.feed.take() is None


def test_left() -> None:
    """A member that leaves is given no more, and told so; what waits in its inbox stays."""
    process, connection = Process(), Connection()
    replica = process.follow()
    connection.join(replica)
    process.send(replica)
    connection.member.leave("a")
    process.send(replica)
    assert connection.take_all() == ["1"]
    assert connection.told[-1] == ("a", "left")
    connection.member.leave("a")
    assert len(connection.told) == 2
    assert replica.cursors == {}


def test_joined_twice() -> None:
    """The second time nothing happens, and the answer is the same."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    assert connection.join(replica, at(1)) == Joined(True, 2)
    assert connection.join(replica, at(1)) == Joined(True, 2)
    assert len(connection.told) == 1
    assert connection.take_all() == ["2", "3", ("live", 3)]


# Behind.


@pytest.mark.parametrize("speaks", [False, True])
def test_a_full_inbox(speaks: bool) -> None:
    """Nothing is dropped: what there is no room for is taken later, in order, until it's live."""
    process, connection = Process(), Connection(speaks=speaks, capacity=2)
    replica = process.follow()
    connection.join(replica)
    process.send(replica, 5)
    assert connection.feed.is_behind and connection.figures.behind == 1
    assert [brief(connection.inbox.popleft()) for _ in range(2)] == ["1", "2"]
    assert brief(connection.feed.take()) == "3"
    process.send(replica)
    assert connection.inbox == deque()  # or it would overtake the fourth
    assert connection.take_all() == ["4", "5", "6"]
    assert not connection.feed.is_behind and connection.figures.behind == 0
    process.send(replica)
    assert brief(connection.inbox[0]) == "7"
    assert (connection.figures.replayed, connection.figures.missed) == (4, 0)


def test_what_is_not_kept() -> None:
    """It is for those who are live and have room, in its place among the others."""
    process, connection = Process(), Connection(capacity=2)
    replica = process.follow()
    connection.join(replica)
    process.send(replica)
    process.pass_on(replica)
    process.pass_on(replica)
    assert not connection.feed.is_behind  # the second one is dropped, and nothing else
    process.send(replica)
    process.pass_on(replica)
    assert connection.take_all() == ["1", "0", "2"]


def test_several_groups() -> None:
    """They are taken in the order in which they were sent."""
    process, connection = Process(), Connection(capacity=1)
    a, b = process.follow("a"), process.follow("b")
    connection.join(a)
    connection.join(b)
    sent = []
    for replica in (a, b, b, a, a, b):
        process.send(replica)
        sent.append((replica.group, str(replica.log.head)))
    taken = []
    while connection.inbox or connection.feed.is_behind:
        event = connection.inbox.popleft() if connection.inbox else connection.feed.take()
        if event is not None:
            taken.append((event.group, event["text"]))
    assert taken == sent


def test_too_slow_and_told() -> None:
    """A client that speaks is told that something is missing, and goes on with what comes."""
    process, connection = Process(messages=3), Connection(capacity=1)
    replica = process.follow()
    connection.join(replica)
    process.send(replica, 6)
    assert connection.take_all() == ["1", ("lagged", 6)]
    process.send(replica)
    assert connection.take_all() == ["7"]
    assert (connection.figures.gaps, connection.figures.missed) == (1, 5)


def test_too_slow_and_not_told() -> None:
    """Who doesn't speak gets all that is left; what is missing is counted."""
    process, connection = Process(messages=3), Connection(capacity=1, speaks=False)
    replica = process.follow()
    connection.join(replica)
    process.send(replica, 6)
    assert connection.take_all() == ["1", "4", "5", "6"]
    assert (connection.figures.gaps, connection.figures.missed) == (1, 2)


@pytest.mark.parametrize(("speaks", "told"), [(True, [("failed", 13)]), (False, [])])
def test_what_can_not_be_read(speaks: bool, told: list[Any]) -> None:
    """It is left out, and that is told or counted; what follows is given."""
    process, connection = Process(), Connection(capacity=1, speaks=speaks)
    replica = process.follow(sent=10)
    connection.join(replica)
    process.send(replica, 4)
    assert connection.take_all() == ["11", "12", *told, "14"]
    assert connection.figures.missed == 1


def test_closed_while_behind() -> None:
    """A connection that ends is behind no longer."""
    process, connection = Process(), Connection(capacity=1)
    replica = process.follow()
    connection.join(replica)
    process.send(replica, 3)
    connection.member.close()
    assert connection.figures.behind == 0
    assert replica.cursors == {}
    assert connection.feed.take() is None


# Claims.


def test_going_on() -> None:
    """It gets all that it has missed, and is told that it has caught up; its loop is woken."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=5)
    assert connection.join(replica, at(3)) == Joined(True, 2)
    assert connection.told == [("a", Answer.OK, Position(EPOCH, 3), None)]
    assert connection.woken == 1
    process.send(replica)
    event = connection.feed.take()
    assert isinstance(event, LogEvent) and event.is_replay and event.frames == 0
    assert connection.take_all() == ["5", "6", ("live", 6)]


def test_nothing_was_missed() -> None:
    """That is told as well."""
    process, connection = Process(), Connection()
    assert connection.join(process.follow(sent=5), at(5)) == Joined(True, 0)
    assert connection.take_all() == [("live", 5)]


def test_frames_of_a_message() -> None:
    """The first message says how many of its frames the client has got already."""
    process, connection = Process(), Connection()
    connection.join(process.follow(sent=5), at(3, frames=2))
    events = [connection.feed.take(), connection.feed.take()]
    assert [event.frames for event in events if isinstance(event, LogEvent)] == [2, 0]


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (at(1), Why.EXPIRED),
        (at(3, epoch="lost"), Why.UNKNOWN),
        (at(6), Why.UNKNOWN),
        (at(5, frames=1), Why.UNKNOWN),  # a message that isn't there
        (Why.TICKET, Why.TICKET),
    ],
)
def test_gaps(claim: Claim | Why, why: Why) -> None:
    """Who can't go on is told why, begins with what comes, and gets nothing of before."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=5, floor=2)
    if isinstance(claim, Claim):  # whether the hub has to be asked first
        assert replica.can_answer(claim) == (why is Why.EXPIRED)
    assert connection.join(replica, claim) == Joined(False)
    assert connection.told == [("a", Answer.GAP, Position(EPOCH, 5), why)]
    process.send(replica)
    assert connection.take_all() == ["6"]


# Replicas.


def test_an_excerpt_goes_on() -> None:
    """After a break, members take what came meanwhile: in the order of all their groups."""
    process, connection = Process(), Connection()
    a, b = process.follow("a", sent=1), process.follow("b", sent=1)
    connection.join(a)
    connection.join(b)
    entries = {group: [process.entry(2)] for group in ("b", "a")}
    for replica in (a, b):
        excerpt = Excerpt(False, 0, [Run(EPOCH, 1, 2)], entries[replica.group])
        replica.take_excerpt(excerpt, 0.0)
    assert connection.woken == 1
    first, second = connection.feed.take(), connection.feed.take()
    assert isinstance(first, LogEvent) and isinstance(second, LogEvent)
    assert (first.group, second.group) == ("b", "a")


def test_a_whole_excerpt_that_has_its_place() -> None:
    """Members go on where they are, and notice nothing."""
    process, connection = Process(), Connection(capacity=2)
    replica = process.follow(sent=3)
    connection.join(replica)
    process.send(replica, 4)  # two of them in the inbox
    runs = [Run(EPOCH, 1, 7), Run("epoch2", 8, 9)]
    replica.take_excerpt(process.whole(EPOCH, 4, 9, runs), 0.0)
    assert connection.take_all() == ["4", "5", "6", "7", "8", "9"]
    assert connection.figures.gaps == 0


@pytest.mark.parametrize(("speaks", "told"), [(True, [("unknown", 4)]), (False, [])])
def test_history_was_lost(speaks: bool, told: list[Any]) -> None:
    """It is told behind what waits in the inbox already, or counted."""
    process, connection = Process(), Connection(speaks=speaks)
    replica = process.follow(sent=3)
    connection.join(replica)
    process.send(replica, 2)
    replica.take_excerpt(process.whole("other", 0, 4), 0.0)
    process.send(replica)
    assert connection.take_all() == ["4", "5", *told, "5"]
    assert (connection.figures.gaps, connection.figures.missed) == (1, 1)


def test_lost_twice_and_told_once() -> None:
    """The client begins where the second one says."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    connection.join(replica)
    replica.take_excerpt(process.whole("other", 0, 4), 0.0)
    replica.take_excerpt(process.whole("third", 0, 1), 0.0)
    assert connection.take_all() == [("unknown", 1)]


def test_frames_of_a_message_that_was_lost() -> None:
    """What the client has of it belongs to no other message with that number."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=5)
    connection.join(replica, at(4, frames=1))
    runs = [Run(EPOCH, 1, 4), Run("epoch2", 5, 6)]
    replica.take_excerpt(process.whole(EPOCH, 0, 6, runs), 0.0)
    assert connection.take_all() == [("unknown", 6)]


def test_a_jump() -> None:
    """An entry that isn't the next isn't taken: the whole log is asked for, and nothing lacks."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    connection.join(replica)
    assert not replica.take_entry(process.entry(5), 0.0)
    assert replica.is_broken and replica.position is None
    assert replica.take_entry(process.entry(6), 0.0)  # it waits for the excerpt
    replica.take_excerpt(process.whole(EPOCH, 0, 6), 0.0)
    assert not replica.is_broken
    assert connection.take_all() == ["4", "5", "6"]


def test_an_entry_that_comes_twice() -> None:
    """An excerpt may have what the stream has, too."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    connection.join(replica)
    assert replica.take_entry(process.entry(3), 0.0)
    assert not replica.take_entry(process.entry(3, "other"), 0.0)  # this one is another
    assert connection.take_all() == []


@pytest.mark.parametrize("capacity", [100, 2])
def test_many_at_once(capacity: int) -> None:
    """A member gets what comes together in its order, and takes later what it has no room for."""
    process, connection = Process(), Connection(capacity=capacity)
    replica = process.follow(sent=3)
    connection.join(replica)
    assert replica.take_entries([process.entry(number) for number in (4, 5, 6, 7)], 0.0)
    assert connection.feed.is_behind == (capacity < 4)
    assert connection.take_all() == ["4", "5", "6", "7"]


def test_many_of_which_some_come_twice() -> None:
    """Those that an excerpt had are left out, and the others follow it."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    connection.join(replica)
    entries = [process.entry(number) for number in (2, 3, 4, 5)]
    assert replica.take_entries(entries[:2], 0.0)
    assert replica.take_entries(entries, 0.0)
    assert replica.take_entries(entries, 0.0)
    assert connection.take_all() == ["4", "5"]


def test_a_jump_among_many() -> None:
    """Behind some that come twice, too, an entry that isn't the next isn't taken."""
    process, connection = Process(), Connection()
    replica = process.follow(sent=3)
    connection.join(replica)
    assert not replica.take_entries([process.entry(number) for number in (2, 3, 5, 6)], 0.0)
    assert replica.is_broken
    replica.take_excerpt(process.whole(EPOCH, 0, 6), 0.0)
    assert connection.take_all() == ["4", "5", "6"]


def test_before_the_first_excerpt() -> None:
    """There is no position yet, and nobody can join."""
    process, connection = Process(), Connection()
    replica: Replica[Cursor] = Replica("a", process.bounds, process.shelf, process.deliver)
    assert replica.position is None and not replica.is_filled
    assert replica.take_entry(process.entry(1), 0.0)
    replica.take_excerpt(Excerpt(False, 0, [Run(EPOCH, 1, 1)], []), 0.0)
    assert not replica.is_filled
    with pytest.raises(RuntimeError, match=r"follow\(\) it first"):
        connection.join(replica, at(1))
