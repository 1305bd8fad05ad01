"""What became of the messages: lost, twice, out of order, and whether a loss was declared.

Messages are numbered from 1 by their sender, on each topic by itself. A receiver that listened all
the time must have heard each once and in order. What it missed on a topic must have been declared
to it: how many there were, or that nobody knows how many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: The numbers that came one after the other: the first and the last of them.
Run = Sequence[int]

#: Sender, and topic.
Flow = tuple[str, str]

#: In place of a topic: on whichever of them.
ANY = "any topic"


@dataclass(frozen=True)
class Heard:
    """What one receiver has written down.

    Attributes:
        name: whose it is.
        runs: what it heard of each flow, in order of arrival.
        declared: each time that it was told to have missed something: on which topic, or on
            ``ANY``, and how many messages; None where that is not known.
    """

    name: str
    runs: Mapping[Flow, Sequence[Run]]
    declared: Sequence[tuple[str, int | None]] = ()

    def admits(self, topic: str) -> float:
        """How many messages on a topic it was told to have missed at most."""
        counts = [count for where, count in self.declared if where in (topic, ANY)]
        return math.inf if None in counts else sum(filter(None, counts))


@dataclass
class Verdict:
    """The result, summed up over all receivers.

    Attributes:
        expected: how many deliveries there should have been.
        delivered: how many of them there were.
        twice: messages that came again.
        disordered: messages that came after a later one of their flow.
        declared: how many messages receivers were told to have missed.
        vague: how often they were told so without a number.
        lost: how many did not come, by receiver.
        silent: receivers, and topics on which they missed more than they were told.
    """

    expected: int = 0
    delivered: int = 0
    twice: int = 0
    disordered: int = 0
    declared: int = 0
    vague: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    @property
    def is_orderly(self) -> bool:
        """Whether nothing came twice or late, and no loss was silent."""
        return not (self.twice or self.disordered or self.silent)

    @property
    def is_complete(self) -> bool:
        told = self.declared or self.vague
        return self.is_orderly and self.expected == self.delivered and not told

    def __str__(self) -> str:
        return (
            f"{self.delivered} of {self.expected} delivered, {sum(self.lost.values())} lost, "
            f"{self.twice} twice, {self.disordered} out of order, {self.declared} declared"
            + (f", {self.vague} times without a number" if self.vague else "")
            + (f", SILENT at {', '.join(self.silent)}" if self.silent else "")
        )


def judge(
    said: Mapping[Flow, int],
    heard: Iterable[Heard],
    *,
    ends_open: Iterable[str] = (),
    own_too: bool = False,
) -> Verdict:
    """Compare what was said with what was heard.

    Args:
        said: the last number of each flow.
        heard: of everybody who listened to all of them.
        ends_open: senders that were killed: what they said last may be missing without a word,
            as nobody is left who knows of it.
        own_too: whether receivers should hear what they have said themselves. That needs no
            transport, unless they said it by another one.
    """
    verdict = Verdict()
    open_ended = set(ends_open)
    for receiver in heard:
        missed: Counter[str] = Counter()
        for flow, last in said.items():
            if flow[0] == receiver.name and not own_too:
                continue
            numbers = list(_numbers(receiver.runs.get(flow, ())))
            there = set(numbers)
            end = max(there, default=0) if flow[0] in open_ended else last
            verdict.expected += end
            verdict.delivered += len(there)
            verdict.twice += len(numbers) - len(there)
            verdict.disordered += _late(numbers)
            missed[flow[1]] += end - len(there)
        _note(verdict, receiver, missed)
    return verdict


def _note(verdict: Verdict, receiver: Heard, missed: Counter[str]) -> None:
    """Compare what a receiver missed on each topic with what it was told."""
    for _, count in receiver.declared:
        verdict.declared += count or 0
        verdict.vague += count is None
    if any(missed.values()):
        verdict.lost[receiver.name] = missed.total()
    verdict.silent += [
        f"{receiver.name}, {topic}"
        for topic, count in missed.items()
        if count > receiver.admits(topic)
    ]


def _numbers(runs: Sequence[Run]) -> Iterator[int]:
    for first, last in runs:
        yield from range(first, last + 1)


def _late(numbers: Sequence[int]) -> int:
    highest, late = 0, 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    return late
