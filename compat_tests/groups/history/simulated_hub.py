"""A hub that is simulated: a chronicle, its journal as bytes, and streams as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import Moment, Record, encode, read_all
from channels_bridge.groups.history.position import Entry, Position

if TYPE_CHECKING:
    from compat_tests.groups.history.simulated_worker import Worker
    from compat_tests.groups.history.worlds import World


class NotingChronicle(Chronicle):
    """A chronicle that adds what it numbers to the facts."""

    def __init__(self, world: World) -> None:
        super().__init__(new_epoch=world.new_epoch, max_bytes=world.max_bytes, memory=world.memory)
        self.facts = world.facts

    @property
    def latest(self) -> int:
        """The latest order, that of what the journal had included."""
        return self._order

    def extend(self, topic: str, *args: Any, kept: bool, now: float) -> list[Entry]:
        """Number messages."""
        after = self.position(topic, now)
        entries = super().extend(topic, *args, kept=kept, now=now)
        for entry in entries if kept else ():
            self.facts.add(topic, entry, after)
            after = entry.position
        return entries


class SimulatedHub:
    """Numbers messages, and gives them to all workers that are connected.

    Args:
        journal: what the hub before has written.
    """

    def __init__(self, world: World, journal: bytes) -> None:
        self.world = world
        self.journal = bytearray()
        self.sessions: dict[Worker, list[Any]] = {}  # what is on the way to each
        self.followed: dict[Worker, set[str]] = {}
        self.chronicle = NotingChronicle(world)
        contents = read_all(journal)
        self.chronicle.restore(contents.records, self.moment())
        for topic, log in self.chronicle._shelf.logs.items():
            if log.entries:
                other = Position(self.chronicle.epoch, log.head)
                world.facts.name(topic, log.entries[-1].position, other)
        self.journal += journal[: contents.good_length]
        self.chronicle.begin(self.moment(), self.write)

    def moment(self) -> Moment:
        """Now."""
        return Moment(self.world.now, 1e9 + self.world.now, "one boot")

    def write(self, record: Record) -> None:
        """Add a record to the journal."""
        self.journal += encode(record)

    def rewrite(self) -> None:
        """Write the journal anew, without what is kept no longer."""
        self.journal = bytearray(b"".join(map(encode, self.chronicle.snapshot(self.moment()))))

    def connect(
        self, worker: Worker, followed: dict[str, Position | None], number: int
    ) -> list[Any]:
        """Let a worker come, which says what it follows. Returns its stream."""
        self.followed[worker] = set(followed)
        stream = self.sessions[worker] = []
        logs = {group: self.excerpt(group, after) for group, after in followed.items()}
        stream.append(("logs", logs, number))
        return stream

    def disconnect(self, worker: Worker) -> None:
        """A worker is gone, or is given up."""
        self.sessions.pop(worker, None)
        self.followed.pop(worker, None)

    def follow(self, worker: Worker, group: str, after: Position | None, number: int) -> None:
        """A worker wants a log, and what comes."""
        self.followed[worker].add(group)
        answer = ("logs", {group: self.excerpt(group, after)}, number)
        self.sessions[worker].append(answer)

    def unfollow(self, worker: Worker, group: str) -> None:
        """A worker doesn't want a log any more."""
        self.followed[worker].discard(group)

    def publish(self, worker: Worker, seq: int, group: str, payload: bytes, kept: bool) -> None:
        """Number a message."""
        bounds, now = self.world.bounds, self.world.now
        entry = self.chronicle.append(group, worker.name, seq, payload, bounds, kept=kept, now=now)
        if entry is not None:
            for other, stream in self.sessions.items():
                if group in self.followed[other]:
                    stream.append(("entry", group, entry))
        self.sessions[worker].append(("settled", seq))

    def head(self, group: str) -> Position:
        """Where a log is."""
        return self.chronicle.position(group, self.world.now)

    def sweep(self) -> None:
        """Drop what is too old."""
        self.chronicle.sweep(self.world.now, self.is_followed)

    def clear(self) -> None:
        """Forget everything, as after ``flush()``."""
        for group in self.chronicle.clear(lambda topic: True):
            for worker, stream in self.sessions.items():
                if group in self.followed[worker]:
                    stream.append(("logs", {group: self.excerpt(group, None)}, 0))

    def is_followed(self, group: str) -> bool:
        """Whether anybody follows it."""
        return any(group in groups for groups in self.followed.values())

    def excerpt(self, group: str, after: Position | None) -> Any:
        """What came after that place."""
        return self.chronicle.excerpt(group, after, self.world.now)
