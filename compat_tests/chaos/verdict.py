"""
What happened to the messages of many processes.

A message is lost when its sender was told that it is accepted, and a member that was there before
it was sent, and stayed until the end, hasn't got it. What a killed process sent last may be lost
with it, unless it waited for the confirmation: at most an end of what it sent, nothing in between.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .journal import Record

Message = tuple[str, int]


@dataclass
class Verdict:
    """
    The result.

    Attributes:
        published: how many messages were accepted.
        refused: of how many the sender was told that they may not arrive.
        delivered: how many messages members got.
        lost: member and message.
        duplicated: the same.
        disordered: the same; a message that came after a later one of its sender.
    """

    published: int = 0
    refused: int = 0
    delivered: int = 0
    lost: list[tuple[str, Message]] = field(default_factory=list)
    duplicated: list[tuple[str, Message]] = field(default_factory=list)
    disordered: list[tuple[str, Message]] = field(default_factory=list)

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
        return ", ".join(f"{count} {name}" for name, count in counts.items())


def judge(records: Iterable[Record], *, confirmed: bool) -> Verdict:
    """
    Compare what was sent with what arrived.

    Args:
        confirmed: whether senders waited until every process had their messages.
    """
    records = list(records)
    verdict = Verdict(
        published=sum(len(record.sent) for record in records),
        refused=sum(len(record.refused) for record in records),
        delivered=sum(len(record.got) for record in records),
    )
    for member in records:
        counts = Counter(member.got)
        verdict.duplicated += [(member.name, message) for message in counts if counts[message] > 1]
        verdict.disordered += [(member.name, message) for message in _late(member)]
        if member.joined is not None and member.ended:
            for sender in records:
                verdict.lost += [
                    (member.name, (sender.name, number))
                    for number in _lost(sender, member, confirmed=confirmed)
                ]
    return verdict


def _late(member: Record) -> list[Message]:
    highest: dict[str, int] = defaultdict(lambda: -1)
    late = []
    for sender, number in member.got:
        if number < highest[sender]:
            late.append((sender, number))
        highest[sender] = max(highest[sender], number)
    return late


def _lost(sender: Record, member: Record, *, confirmed: bool) -> list[int]:
    got = {number for name, number in member.got if name == sender.name}
    assert member.joined is not None
    due = [number for number, began in sender.sent.items() if began > member.joined]
    if not (sender.ended or confirmed):
        due = [number for number in due if number < max(got, default=0)]
    return [number for number in due if number not in got]
