"""Clients that are simulated, each of which notices when something is missing or comes twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from channels_bridge.groups.history.position import Answer, Claim, Entry, Position, Why
from compat_tests.groups.history.simulated_worker import Connection

if TYPE_CHECKING:
    from compat_tests.groups.history.facts import Fact
    from compat_tests.groups.history.simulated_worker import Worker
    from compat_tests.groups.history.worlds import World


class Client:
    """A client of the protocol, in some groups.

    Attributes:
        claims: where it is in each group, for its next handshake.
        gaps: how often it was told that something is missing.
    """

    speaks = True

    def __init__(self, world: World, groups: list[str]) -> None:
        self.world = world
        self.groups = groups
        self.claims: dict[str, Claim] = {}
        self.connection: Connection | None = None
        self.gaps = 0
        self.recovered = 0
        self.frames = 0
        self.last: dict[str, Fact | None] = {}  # the last message that it has whole, by group
        self.begun: dict[str, Fact | None] = {}  # the message of which it has frames
        self.passed: set[object] = set()  # those that aren't kept, of this connection

    def connect(self, worker: Worker) -> None:
        """Connect to a worker; whatever was before is over."""
        self.passed.clear()
        self.connection = Connection(self.world, worker, self)

    def receive(self) -> None:
        """Take the next message of the connection."""
        assert self.connection is not None
        kind, *arguments = self.connection.out.pop(0)
        getattr(self, f"receive_{kind}")(*arguments)

    def receive_joined(
        self, group: str, answer: Answer, position: Position, why: Why | None
    ) -> None:
        """It is a member."""
        self.recovered += answer is Answer.OK
        assert (answer is Answer.NEW) == (group not in self.claims), ("answer", answer)
        if answer is Answer.OK:
            assert position == self.claims[group].position, ("goes on elsewhere", position)
            return
        assert (answer is Answer.GAP) == (why is not None)
        if why is not None:
            self.note_gap(why)
        self.go_to(group, position)

    def receive_notice(self, group: str, position: Position, why: Why | None) -> None:
        """Something is missing, or it has caught up."""
        if why is not None:
            self.note_gap(why)
            self.go_to(group, position)
            return
        fact = self.world.facts.get(group, position)
        while fact is not None and fact.frames == 0 and fact is not self.last[group]:
            fact = fact.previous
        assert fact is self.last[group], ("live before it has caught up", position)

    def receive_at(self, group: str, entry: Entry) -> None:
        """A message for which nothing was sent."""
        fact = self.world.facts.get(group, entry.position)
        self.check_next(group, fact)
        self.go_to(group, entry.position)

    def receive_passed(self, group: str, entry: Entry) -> None:
        """A message that isn't kept."""
        if entry.seq == 0:
            return  # it lost its number with the hub, and is given to those beside its sender
        assert (entry.sender, entry.seq) not in self.passed, ("comes twice", entry)
        self.passed.add((entry.sender, entry.seq))
        # The hub after this one doesn't know its order, and may give it to another message.
        connection = self.connection
        assert connection is not None
        latest = connection.latest_order
        self.check_order(entry.order)
        connection.latest_order = latest

    def receive_frame(self, group: str, entry: Entry, index: int) -> None:
        """A frame of a message."""
        fact = self.world.facts.get(group, entry.position)
        assert fact is not None
        claim = self.claims[group]
        if index == 0:
            self.check_next(group, fact)
            self.check_order(entry.order)
        else:
            assert self.begun[group] is fact, ("a frame of another message", entry, index)
            assert claim.frames == index, ("frames", entry, index, claim)
        self.frames += 1
        if index == fact.frames - 1:
            self.go_to(group, entry.position)
        else:
            before = Position(entry.epoch, entry.offset - 1)
            self.claims[group] = Claim(before, index + 1)
            self.begun[group] = fact

    def note_gap(self, why: Why) -> None:
        """Something is missing: that is true only where something was not kept."""
        self.gaps += 1
        assert why is not Why.UNKNOWN or not self.world.is_sure, "history was not lost"

    def go_to(self, group: str, position: Position) -> None:
        """Be behind that message."""
        self.claims[group] = Claim(position)
        self.last[group] = self.world.facts.get(group, position)
        self.begun[group] = None

    def check_next(self, group: str, fact: Fact | None) -> None:
        """Nothing of the group may be between that message and the one before, nor come twice."""
        assert fact is not None
        assert self.begun[group] is None, ("a message was not finished", self.begun[group])
        before = list(fact.before())
        assert self.last[group] in before, ("missing or twice", self.last[group], fact)

    def check_order(self, order: int) -> None:
        """Messages of all groups come in the order in which they were sent."""
        connection = self.connection
        assert connection is not None
        if order > connection.first_order and not self.world.is_lossy:
            assert order > connection.latest_order, ("order", order, connection.latest_order)
            connection.latest_order = order

    def check_end(self) -> None:
        """It has everything, now that nothing happens any more."""
        for group in self.groups:
            fact = self.world.facts.get(group, self.world.hub.head(group))
            while fact is not None and fact.frames == 0 and fact is not self.last[group]:
                fact = fact.previous
            assert fact is self.last[group], ("missing at the end", fact, self.last[group])


class PlainClient(Client):
    """One that doesn't speak the protocol: while it is connected it misses nothing untold."""

    speaks = False

    def __init__(self, world: World, groups: list[str]) -> None:
        super().__init__(world, groups)
        self.missed: Counter[str] = Counter()  # by group
        self.possible: dict[str, list[Fact | None]] = {}  # what its last message may have been

    def connect(self, worker: Worker) -> None:
        """Begin anew."""
        self.missed.clear()
        self.claims = {}
        super().connect(worker)

    def receive_plain(self, message: dict[str, Any], missed: int) -> None:
        """A message."""
        if message["number"] in self.world.passing:
            assert message["number"] not in self.passed, ("comes twice", message)
            self.passed.add(message["number"])
            return
        facts = self.world.facts.of_number(message["number"])
        group = facts[0].group
        self.frames += 1
        # One that was numbered again, as the journal had lost it, doesn't say which one it is.
        following = [fact for fact in facts if fact.previous in self.possible[group]]
        if not following:
            assert missed > self.missed[group], ("missing or twice", self.possible[group], facts)
            self.missed[group] = missed
            self.gaps += 1
        self.possible[group] = following or list(facts)
        self.check_order(self.possible[group][-1].order)

    def go_to(self, group: str, position: Position) -> None:
        """Begin there."""
        self.possible[group] = [self.world.facts.get(group, position)]

    def check_end(self) -> None:
        """What it lacks is counted."""
        for group in self.groups:
            fact = self.world.facts.get(group, self.world.hub.head(group))
            assert self.connection is not None
            is_told = self.connection.figures.missed > self.missed[group]
            assert fact in self.possible[group] or is_told, ("missing at the end", fact)
