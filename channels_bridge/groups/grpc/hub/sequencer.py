"""The hub's sequencer: numbers what is published to topics with history, and tells who follows.

What it numbers is written to the journal before anybody can be told: in the same step of the loop,
whose outboxes are read in a later one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import NamedTuple, Protocol, TypedDict

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.append_codec import Target
from channels_bridge.groups.grpc.hub.session import NUMBERED, UNAWAITED, Session
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.epochs import new_epoch
from channels_bridge.groups.history.position import Entry
from channels_bridge.groups.named_queues import MessageQueues
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")

#: How often to say that messages are forgotten before their time, in seconds.
NOTICE_INTERVAL = 600.0


class HistoryFigures(TypedDict):
    """How much history a hub keeps, and how often it was asked for a log to follow."""

    groups: int
    messages: int
    bytes: int
    evictions: int
    file_bytes: int
    is_on_disk: bool
    follows: int


class Journal(Protocol):
    """Where what is numbered is written down, for the hub after this one."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def is_on_disk(self) -> bool:
        """Whether what is kept survives this hub."""

    def commit(self) -> None:
        """Write what was noted."""

    async def look_after(self) -> None:
        """Do what time has brought. To be called now and then."""


class NoJournal(Journal):
    """Writes nothing down."""

    size = 0
    is_on_disk = False

    def commit(self) -> None:
        pass

    async def look_after(self) -> None:
        pass


class Numbers(NamedTuple):
    """The numbers that a process' own messages have got, all in one epoch."""

    epoch: str
    entries: list[Entry]

    def frame(self) -> wire.Sequenced:
        """Return what the process is told."""
        return wire.Sequenced(
            epoch=self.epoch,
            seqs=[entry.seq for entry in self.entries],
            offsets=[entry.offset for entry in self.entries],
            orders=[entry.order for entry in self.entries],
        )


class Frames:
    """The frames of messages that follow one another: encoded once, however many receive them."""

    def __init__(self, topic: str, entries: Sequence[Entry]) -> None:
        self._topic = topic
        self._entries = entries

    @cached_property
    def single(self) -> list[bytes]:
        """One for each message."""
        return [log_codec.encode_delivery(self._topic, entry) for entry in self._entries]

    @cached_property
    def joined(self) -> list[bytes]:
        """One for all of them."""
        return [log_codec.encode_deliveries(self._topic, self._entries)]


class Sequencer:
    """Numbers messages, and gives them to all who follow, each in one order.

    Who has only subscribed, as processes of an earlier release do, gets them as other messages.

    Args:
        chronicle: numbers and keeps them.
        topics: the exchange's: topic -> subscribers.
        queues: gets what is published to bound topics.
        journal: of the chronicle.

    Attributes:
        is_due: whether there is something for ``settle()`` to do.
    """

    def __init__(
        self,
        chronicle: Chronicle,
        topics: Mapping[str, Mapping[Session, None]],
        queues: MessageQueues,
        journal: Journal,
    ) -> None:
        self.is_due = False
        self._journal = journal
        self._chronicle = chronicle
        self._topics = topics
        self._queues = queues
        self._follows = 0
        self._evicted = 0
        self._notices = Notices(logger, interval=NOTICE_INTERVAL)
        self._numbers: dict[Session, Numbers] = {}  # that their senders are to be told

    def append(self, session: Session, target: Target, seq: int, payloads: Sequence[bytes]) -> None:
        """Number what a process has published, and forward it.

        Args:
            seq: the number that the process has given the first of the messages; each has the next.
        """
        topic = target.topic
        entries = self._chronicle.extend(
            topic,
            session.id,
            seq,
            payloads,
            target.bounds,
            kept=target.kept,
            now=time.monotonic(),
        )
        for known in range(seq, seq + len(payloads) - len(entries)):
            session.answer(known)  # the hub before has numbered it
        if not entries:
            return
        self.is_due = True
        if self._queues.has_bound(topic):
            for entry in entries:
                self._queues.route(topic, entry.payload)
        self._forward(topic, entries, session)
        self._note_numbers(session, entries)

    def tell_log(self, session: Session, follow: wire.Follow) -> None:
        """Send a process what it misses of a log, or all of it."""
        self._follows += bool(follow.seq) and not follow.once
        self.is_due = True  # the log may have been made just now
        now = time.monotonic()
        excerpt = self._chronicle.excerpt(follow.topic, log_codec.position_in(follow), now)
        if follow.brief:
            excerpt = excerpt.brief()
        self._tell_numbers(session)
        for part in log_codec.split(follow.topic, excerpt, seq=follow.seq, now=now):
            session.deliver(NUMBERED, frame_codec.encode(part))

    def clear(self, is_meant: Callable[[str], bool]) -> None:
        """Forget the logs of some topics. All who follow one are given an empty one."""
        for topic in self._chronicle.clear(is_meant):
            for session in self._topics.get(topic, ()):
                if topic in session.followed:
                    self.tell_log(session, wire.Follow(topic=topic))
        self.is_due = True

    def sweep(self) -> None:
        """Drop what is too old."""
        self._chronicle.sweep(time.monotonic(), self._topics.__contains__)
        self.is_due = True
        evicted = self._chronicle.figures().evicted
        if evicted > self._evicted:
            self._evicted = evicted
            self._notices.warn(
                "evicted",
                "the groups hub has forgotten %d messages before their time, as all of them take "
                "more than `history_bytes` in CONFIG: raise it, or keep less of each group",
                evicted,
            )

    def settle(self) -> None:
        """Write the journal, and tell the senders; to be called when a batch was read."""
        self.is_due = False
        self._journal.commit()
        for session in list(self._numbers):
            self._tell_numbers(session)

    def figures(self) -> HistoryFigures:
        """Say how much there is."""
        figures = self._chronicle.figures()
        return HistoryFigures(
            groups=figures.logs,
            messages=figures.messages,
            bytes=figures.bytes,
            evictions=figures.evicted,
            file_bytes=self._journal.size,
            is_on_disk=self._journal.is_on_disk,
            follows=self._follows,
        )

    def _forward(self, topic: str, entries: Sequence[Entry], sender: Session) -> None:
        frames = Frames(topic, entries)
        for receiver in self._topics.get(topic, ()):
            if receiver is sender:
                continue
            if topic not in receiver.followed:
                for frame in frames.single:
                    receiver.deliver(UNAWAITED, frame)
                continue
            if receiver in self._numbers:
                self._tell_numbers(receiver)
            for frame in frames.joined if receiver.reads_joined else frames.single:
                receiver.deliver(NUMBERED, frame)

    def _note_numbers(self, session: Session, entries: Sequence[Entry]) -> None:
        numbers, epoch = self._numbers.get(session), entries[0].epoch
        if numbers is not None and numbers.epoch != epoch:
            self._tell_numbers(session)
            numbers = None
        if numbers is None:
            numbers = self._numbers[session] = Numbers(epoch, [])
        numbers.entries.extend(entries)

    def _tell_numbers(self, session: Session) -> None:
        """Write the numbers that a process' own messages have got, in their place."""
        numbers = self._numbers.pop(session, None)
        if numbers is not None:
            session.write(numbers.frame())


def make_chronicle(max_bytes: float = inf) -> Chronicle:
    """Return one that is empty."""
    return Chronicle(new_epoch=new_epoch, max_bytes=max_bytes)
