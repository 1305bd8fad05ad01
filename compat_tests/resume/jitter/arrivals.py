"""What one client got, in its order, and what that is worth. It does no I/O.

Messages are numbered from 1, as they are published. A *gap* are numbers that never came, between
two that did or at the end. It is told if the client was told in between that something is missing,
and such a word where nothing is missing is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

Happening = tuple[float, int]
"""A moment and a number, or one of the two below."""

OPENED = 0  # a connection, once more
TOLD = -1  # that something is missing


@dataclass
class Score:
    """What became of the messages.

    Args:
        expected: messages published, each times the clients.
        delivered: of those, how many came at least once.
        duplicated: came once more.
        disordered: came after a later one.
        told: gaps that the client was told of.
        untold: those that it was not.
        false: times that it was told of a gap where there was none.
        reconnected: connections after the first.
        caught_up: seconds from a handshake until all was there that had been published before it.
    """

    expected: int = 0
    delivered: int = 0
    duplicated: int = 0
    disordered: int = 0
    told: int = 0
    untold: int = 0
    false: int = 0
    reconnected: int = 0
    caught_up: list[float] = field(default_factory=list)

    def __iadd__(self, other: Score) -> Score:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self

    @property
    def is_perfect(self) -> bool:
        """Whether each client got everything, once, in order, and no wrong word."""
        wrong = (self.duplicated, self.disordered, self.told, self.untold, self.false)
        return self.delivered == self.expected and not any(wrong)


def score(happenings: list[Happening], published: Mapping[int, float]) -> Score:
    """Say what a client's story is worth.

    Args:
        happenings: in order.
        published: number of each message -> when it had been published.
    """
    result = Score(expected=len(published))
    _count_arrivals(happenings, published, result)
    _count_gaps(happenings, published, result)
    result.caught_up = list(_times_to_catch_up(happenings, published))
    return result


def _count_arrivals(
    happenings: list[Happening], published: Mapping[int, float], result: Score
) -> None:
    seen: set[int] = set()
    latest = 0
    for _, number in happenings:
        if number > 0:
            is_new = number not in seen
            result.duplicated += not is_new
            result.disordered += is_new and number < latest
            latest = max(latest, number)
            seen.add(number)
    result.delivered = len(seen & published.keys())
    openings = sum(number == OPENED for _, number in happenings)
    result.reconnected = max(openings - 1, 0)


def _count_gaps(happenings: list[Happening], published: Mapping[int, float], result: Score) -> None:
    seen = {number for _, number in happenings}
    missing = sorted(published.keys() - seen)
    latest, alarms = 0, 0
    end = max(published, default=0) + 1
    for number in (*(number for _, number in happenings), end):
        if number == TOLD:
            alarms += 1
        elif number > latest:
            is_gap = any(latest < absent < number for absent in missing)
            result.told += is_gap and alarms > 0
            result.untold += is_gap and not alarms
            result.false += max(alarms - is_gap, 0)
            latest, alarms = number, 0


def _times_to_catch_up(
    happenings: list[Happening], published: Mapping[int, float]
) -> Iterator[float]:
    """For each time that a client came back and had missed something which it then got."""
    seen: set[int] = set()
    due: tuple[float, set[int]] | None = None
    is_first = True
    for moment, number in happenings:
        if number > 0:
            seen.add(number)
            if due and due[1] <= seen:
                yield moment - due[0]
                due = None
        elif number == OPENED:
            missed = {each for each, at in published.items() if at <= moment} - seen
            due = (moment, missed) if missed and not is_first else None
            is_first = False
