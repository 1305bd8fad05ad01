"""What happened to the messages.

A message is lost when its sender was told that it is accepted, and a member that was in the room
before it was sent, and stayed until the end, hasn't got it. A member that left hasn't got what came
last, but nothing in between may be missing. The same is true of what came from a worker that was
killed: it may take the end of what it had accepted with it, unless it waited for the confirmation.
And where senders keep what is repeated, as over NATS, it takes what nodes had lost just before.
That is no loss, either, if as many messages were declared. And what is said while a full disk has
no room for history is in the memory of a hub only: it is lost with that, and who resumes is told.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from compat_tests.chaos.journal import Record

#: What a process logs that has missed messages, and how many they were.
MISSED = re.compile(r"this process has missed (\d+) messages? to g:")

Message = tuple[str, int]
"""Sender and number."""

Complaint = tuple[str, Message]
"""Who complains about which message."""


@dataclass
class Verdict:
    """The result.

    Attributes:
        published: how many messages were accepted.
        refused: of how many the sender was told that they may not arrive.
        delivered: how many messages members got.
        declared: how many messages processes were told that killed workers took with them.
        lost: member and message.
        duplicated: the same.
        disordered: the same; a message that came after a later one of its sender.
    """

    published: int = 0
    refused: int = 0
    delivered: int = 0
    declared: int = 0
    lost: list[Complaint] = field(default_factory=list)
    duplicated: list[Complaint] = field(default_factory=list)
    disordered: list[Complaint] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.duplicated or self.disordered)

    def __str__(self) -> str:
        counts = {
            "published": self.published,
            "refused": self.refused,
            "delivered": self.delivered,
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "out of order": len(self.disordered),
        }
        if self.declared:
            counts["declared"] = self.declared
        return ", ".join(f"{count} {name}" for name, count in counts.items())


def judge(
    records: Iterable[Record],
    *,
    killed: Collection[int] = (),
    confirmed: bool = False,
    told: int = 0,
    forgotten: Callable[[str, float], bool] = lambda room, moment: False,
) -> Verdict:
    """Compare what was sent with what arrived.

    Args:
        killed: the workers that were killed.
        confirmed: whether senders waited until every process had their messages.
        told: how many messages processes were told that they have missed.
        forgotten: whether what was said in a room at a moment may be lost, as members were told.
    """
    verdict = Verdict()
    rooms: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        rooms[record.room].append(record)
        verdict.published += len(record.sent)
        verdict.refused += len(record.refused)
        verdict.delivered += len(record.got)
        counts = Counter(record.got)
        verdict.duplicated += [(record.name, message) for message in counts if counts[message] > 1]
        verdict.disordered += [(record.name, message) for message in _late(record)]
    unsure = () if confirmed else killed
    for members in rooms.values():
        for member in members:
            verdict.lost += [(member.name, message) for message in _lost(member, members, unsure)]
    everybody = list(itertools.chain(*rooms.values()))
    _take_out_declared(verdict, everybody, killed, told)
    _take_out_forgotten(verdict, everybody, forgotten)
    return verdict


def missed_by(log: str) -> int:
    """How many messages processes were told that they have missed."""
    return sum(int(count) for count in MISSED.findall(log))


def _take_out_declared(
    verdict: Verdict, records: Sequence[Record], killed: Collection[int], told: int
) -> None:
    """What killed workers took with them is not lost, if processes were told as much.

    That may be confirmed, too, over NATS: by those processes that links between nodes reached.
    """
    workers = {record.name: record.worker for record in records}
    taken = [(name, message) for name, message in verdict.lost if workers[message[0]] in killed]
    missed = {(workers[name], message) for name, message in taken}  # by processes, not by members
    if len(missed) <= told:
        verdict.declared = len(missed)
        verdict.lost = [each for each in verdict.lost if workers[each[1][0]] not in killed]


def _take_out_forgotten(
    verdict: Verdict, records: Sequence[Record], forgotten: Callable[[str, float], bool]
) -> None:
    """What a killed hub could not write down is not lost, if those who resume were told of it."""
    senders = {record.name: record for record in records}
    kept, taken = [], set()
    for name, message in verdict.lost:
        sender = senders[message[0]]
        if forgotten(sender.room, sender.sent[message[1]]):
            taken.add(message)
        else:
            kept.append((name, message))
    verdict.lost = kept
    verdict.declared += len(taken)


def _late(member: Record) -> Iterator[Message]:
    highest: dict[str, int] = defaultdict(lambda: -1)
    for sender, number in member.got:
        if number < highest[sender]:
            yield sender, number
        highest[sender] = max(highest[sender], number)


def _lost(member: Record, room: Iterable[Record], unsure: Collection[int]) -> Iterator[Message]:
    if member.joined is None:
        return
    got: dict[str, set[int]] = defaultdict(set)
    for sender, number in member.got:
        got[sender].add(number)
    for record in room:
        there = got[record.name]
        last = max(there, default=0)
        everything = member.stayed and record.worker not in unsure
        for number, began in record.sent.items():
            if number not in there and began > member.joined and (everything or number < last):
                yield record.name, number
