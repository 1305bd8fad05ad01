"""What clients got that resume, over all of their connections, and what is promised of it.

A message is known by its sender and number, and by its offset: the number that the group's log gave
it. In this site each message is one frame, so offsets have no holes but where a gap was told.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compat_tests.chaos.journal import Record
from compat_tests.chaos.outcomes import Suffered
from compat_tests.chaos.verdict import Message

#: Faults that take history away, and whether they do so until the end: a full disk has no room for
#: the file, and the hub may be killed any time later, before there is one again.
FORGETTING: Mapping[str, bool] = {
    "disk_full": True,
    "everything_killed_history_removed": False,
    "everything_killed_history_shortened": False,
}

# Seconds for which a message may have waited for the hub before it is numbered.
JUST_BEFORE = 1.0

# Complaints of a kind that are told.
ENOUGH = 3


@dataclass(frozen=True)
class Gap:
    """That a client was told that something is missing."""

    why: str
    moment: float = field(default_factory=time.monotonic)


@dataclass
class Story:
    """One client, over all of its connections.

    Attributes:
        name: of the client.
        room: the group that it is in.
        joined: when it was told for the first time that it is a member.
        steps: what it got, with offsets, and what it was told, in order.
        complaints: what its protocol forbids.
        place: where it is in the end.
    """

    name: str
    room: str
    joined: float | None = None
    steps: list[tuple[int, Message] | Gap] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    place: object = None

    @property
    def messages(self) -> list[Message]:
        """What it got."""
        return [step[1] for step in self.steps if not isinstance(step, Gap)]

    @property
    def gaps(self) -> list[Gap]:
        """What it was told of missing messages."""
        return [step for step in self.steps if isinstance(step, Gap)]


def judge_stories(
    stories: Iterable[Story],
    records: Sequence[Record],
    suffered: Sequence[Suffered],
    unsure: Collection[int],
) -> list[str]:
    """Say what is wrong, a line each, with the invariant's number; not all of it.

    Args:
        records: all connections, those of clients that do not resume as well.
        suffered: the faults.
        unsure: workers that may have taken the end of what they had accepted with them.
    """
    rooms: dict[str, list[Story]] = defaultdict(list)
    for story in stories:
        rooms[story.room].append(story)
    return [
        complaint
        for room, members in rooms.items()
        for complaint in _judge_room(
            members, [record for record in records if record.room == room], suffered, unsure
        )
    ]


def forgotten_by(
    stories: Iterable[Story], suffered: Sequence[Suffered]
) -> Callable[[str, float], bool]:
    """Return what says whether something that was said in a room at a moment may be lost.

    That is so while a full disk has no room for history, where somebody was told of a gap then: the
    hub that had it in its memory was killed.
    """
    told: dict[str, list[float]] = defaultdict(list)
    for story in stories:
        told[story.room] += [gap.moment for gap in story.gaps]
    full = [fault for fault in suffered if fault.name == "disk_full"]

    def is_forgotten(room: str, moment: float) -> bool:
        return any(
            fault.began - JUST_BEFORE <= moment <= fault.over
            and any(fault.began <= gap <= fault.over for gap in told[room])
            for fault in full
        )

    return is_forgotten


def _judge_room(
    stories: list[Story],
    records: list[Record],
    suffered: Sequence[Suffered],
    unsure: Collection[int],
) -> Iterator[str]:
    for story in stories:
        yield from (f"protocol: {story.name}: {what}" for what in story.complaints[:ENOUGH])
        yield from _enough("I1 twice", story, _repeated(story))
        yield from _enough("I3 silent gap", story, _jumps(story))
        yield from _enough("I3 lost", story, _lost(story, records, unsure))
        yield from _enough("I4 false alarm", story, _false_alarms(story, suffered))
    yield from _disorder(stories, records)
    places = {str(story.place) for story in stories}
    if len(places) > 1:
        yield f"I5 not all at the head: {sorted(places)}"


def _enough(what: str, story: Story, found: Iterable[object]) -> Iterator[str]:
    yield from [f"{what}: {story.name} in {story.room}: {each}" for each in found][:ENOUGH]


def _repeated(story: Story) -> Iterator[Message]:
    return (message for message, count in Counter(story.messages).items() if count > 1)


def _jumps(story: Story) -> Iterator[str]:
    before: int | None = None
    for step in story.steps:
        if isinstance(step, Gap):
            before = None
            continue
        if before is not None and step[0] != before + 1:
            yield f"{step[0]} came after {before}"
        before = step[0]


def _lost(story: Story, records: Iterable[Record], unsure: Collection[int]) -> Iterator[Message]:
    if story.joined is None or story.gaps:
        return
    there = set(story.messages)
    for record in records:
        for number, began in record.sent.items():
            is_due = began > story.joined and record.worker not in unsure
            if is_due and (record.name, number) not in there:
                yield record.name, number


def _false_alarms(story: Story, suffered: Sequence[Suffered]) -> Iterator[str]:
    for gap in story.gaps:
        if not any(_forgets(fault, gap) for fault in suffered):
            yield gap.why


def _forgets(fault: Suffered, gap: Gap) -> bool:
    for_ever = FORGETTING.get(fault.name)
    if for_ever is None or gap.moment < fault.began:
        return False
    return for_ever or gap.moment <= fault.over


def _disorder(stories: list[Story], records: Iterable[Record]) -> Iterator[str]:
    """I2: who got something in another order than the one who got most."""
    if not stories:
        return
    most = max(stories, key=lambda story: len(story.messages))
    order = {message: number for number, message in enumerate(most.messages)}
    everybody = {story.name: story.messages for story in stories}
    everybody |= {record.name: record.got for record in records}
    for name, messages in everybody.items():
        known = [order[message] for message in messages if message in order]
        for one, next_one in zip(known, known[1:], strict=False):
            if next_one < one:
                yield f"I2 another order: {name} got {most.messages[next_one]} late"
                break
