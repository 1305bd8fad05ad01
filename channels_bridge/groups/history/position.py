"""Positions in a group's history, and what lies between them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """A place in a group's log: after the entry with this number.

    A number alone says nothing once two hubs have numbered, one of which had lost the other's file:
    so each start of a hub is an epoch of its own, and a position belongs to the epoch that gave its
    number. (This is the log matching of Raft.)
    """

    epoch: str
    offset: int


class Run(NamedTuple):
    """The numbers that one epoch has given in a log, without a hole; ``last < first``: none yet."""

    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a group is kept.

    Attributes:
        messages: how many at most.
        seconds: for how long at most, by the clock of whoever keeps the log.
    """

    messages: int
    seconds: float


@dataclass(eq=False, slots=True)
class Entry:
    """A message in a group's log.

    Attributes:
        epoch: of whoever gave the number.
        offset: its number in the group, from 1, without a hole; 0 for a message that is passed on
            in its place among the others and not kept (``except`` in CONFIG).
        order: its number among the messages of all groups of one hub.
        sender: the process that sent it.
        seq: the number that the sender gave it.
        payload: the message, encoded.
        at: when it came, in ``time.monotonic()`` of the process that this entry is in.
    """

    epoch: str
    offset: int
    order: int
    sender: bytes
    seq: int
    payload: bytes
    at: float

    @property
    def position(self) -> Position:
        """The place behind it."""
        return Position(self.epoch, self.offset)


def entries_in_turn(
    epoch: str,
    offset: int,
    order: int,
    sender: bytes,
    seq: int,
    payloads: Iterable[bytes],
    at: float,
) -> list[Entry]:
    """Return the entries of messages that one sender has sent to one group one after the other.

    The numbers are those of the first; each entry has the next ones. With ``offset`` 0 none of them
    is kept.
    """
    step = 1 if offset else 0
    return [
        Entry(epoch, offset + place * step, order + place, sender, seq + place, payload, at)
        for place, payload in enumerate(payloads)
    ]


def runs_of(entries: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield together the entries that follow one another in a group.

    What isn't kept does so, too, where nothing comes between that is.

    Args:
        entries: with their groups, all of one epoch.
    """
    run: list[Entry] = []
    group, offset = "", 0
    for name, entry in entries:
        if run and (name != group or entry.offset != offset):
            yield group, run
            run = []
        group = name
        run.append(entry)
        offset = entry.offset + 1 if entry.offset else 0
    if run:
        yield group, run


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a log says to whoever follows it, from where they were.

    Attributes:
        is_whole: whether it takes the place of all they have, as their position is unknown there or
            no longer kept. Otherwise ``entries`` go on exactly behind that position.
        floor: the highest number that is no longer kept.
        runs: all of the log's.
        entries: those behind the position, in order; all that are kept where ``is_whole``.
    """

    is_whole: bool
    floor: int
    runs: Sequence[Run]
    entries: Sequence[Entry]

    def brief(self) -> Excerpt:
        """Return a whole one without entries, as if none were kept."""
        head = self.entries[-1].offset if self.entries else self.floor
        return Excerpt(True, head, self.runs, [])


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a client says that it was in a group, before it was away.

    Attributes:
        position: of the last message that it has whole.
        frames: how many frames of the next message it has got already.
    """

    position: Position
    frames: int = 0


class Answer(enum.Enum):
    """What becomes of a member's claim. The values are those of the protocol."""

    NEW = "new"  # it made none
    OK = "ok"  # all that it missed follows
    GAP = "gap"  # something is missing


class Why(enum.Enum):
    """Why something is missing. The values are those of the protocol."""

    EXPIRED = "expired"  # it was kept, and is no longer
    UNKNOWN = "unknown"  # of an epoch that is not in the log: history was lost
    TICKET = "ticket"  # not issued to this user
    LAGGED = "lagged"  # connected, but slower than the bounds
    FAILED = "failed"  # its handler raised an exception


@dataclass(frozen=True, slots=True)
class Joined:
    """What ``group_add()`` returns in a group whose messages are kept.

    Attributes:
        recovered: True where the client goes on where it was, and gets all that it missed; False
            where something is missing; None where it begins here.
        missed: how many messages of the group follow that were sent meanwhile.
    """

    recovered: bool | None
    missed: int = 0
