"""The chronicle: all logs of whoever gives numbers to messages, a hub or the only process.

What it notes it also gives to a journal, as records, before anybody is told. From them the
chronicle after it goes on where this one was.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from channels_bridge.groups.history.journal_records import (
    VERSION,
    Appended,
    AppendedInTurn,
    Bounded,
    LogBegun,
    LogForgotten,
    Marked,
    Moment,
    Record,
    Started,
)
from channels_bridge.groups.history.journal_restoring import Restoring
from channels_bridge.groups.history.log import ENTRY_COST, Log
from channels_bridge.groups.history.position import (
    Bounds,
    Entry,
    Excerpt,
    Position,
    Run,
    entries_in_turn,
)
from channels_bridge.groups.history.sender_marks import SenderMarks
from channels_bridge.groups.history.shelf import Shelf

#: For how long the positions in a log are known after its last use, in seconds: whoever was away
#: from a silent group has missed nothing.
MEMORY = 86_400.0

#: How many logs are remembered, if there are so many groups. Those longest unused are forgotten.
MAX_LOGS = 100_000

#: How many logs are looked at for being unused, each time.
LOOKS = 1000

#: What records take in the journal besides payloads and the names of topics, about: those of an
#: entry, of a log, of a mark.
ENTRY_RECORD = 62
LOG_RECORDS = 90
MARK_RECORD = 32


class Figures(NamedTuple):
    """How much there is.

    Attributes:
        logs: how many topics have one.
        messages: how many are kept.
        bytes: what they take in memory.
        evicted: how many messages have gone before their time, to stay below the bound in bytes.
    """

    logs: int
    messages: int
    bytes: int
    evicted: int


class Chronicle:
    """The logs of all topics.

    Order: messages get ascending numbers in the order of ``append()``, over all topics. Repeats
    are recognised by sender and number, also those of what the journal has.

    Args:
        new_epoch: returns one that never was, six characters of [0-9a-z].
        max_bytes: how much all messages may take together in memory.
        memory: for how long an unused log is remembered, in seconds.
        max_logs: how many logs are remembered.

    Attributes:
        epoch: that of the numbers given now. Another one takes its place when logs are forgotten,
            as a log of the same topic begins anew then.
    """

    def __init__(
        self,
        *,
        new_epoch: Callable[[], str],
        max_bytes: float,
        memory: float = MEMORY,
        max_logs: int = MAX_LOGS,
    ) -> None:
        self.epoch = new_epoch()
        self._new_epoch = new_epoch
        self._memory = memory
        self._max_logs = max_logs
        self._shelf = Shelf(max_bytes)
        self._used: OrderedDict[str, float] = OrderedDict()  # topic -> when its log was last used
        self._marks = SenderMarks()
        self._order = 0
        self._write: Callable[[Record], None] | None = None

    # Messages.

    def append(
        self,
        topic: str,
        sender: bytes,
        seq: int,
        payload: bytes,
        bounds: Bounds,
        *,
        kept: bool,
        now: float,
    ) -> Entry | None:
        """Number a message and keep it; None where it is a repeat.

        Args:
            kept: otherwise it is numbered among the messages of all topics only.
        """
        entries = self.extend(topic, sender, seq, (payload,), bounds, kept=kept, now=now)
        return entries[0] if entries else None

    def extend(
        self,
        topic: str,
        sender: bytes,
        seq: int,
        payloads: Sequence[bytes],
        bounds: Bounds,
        *,
        kept: bool,
        now: float,
    ) -> list[Entry]:
        """Number messages and keep them.

        Args:
            seq: the sender's number of the first; each has the next one.
            kept: otherwise they are numbered among the messages of all topics only.

        Returns:
            The entries of those that are no repeats: the last ones.
        """
        known = self._marks.advance_by(sender, seq, len(payloads))
        new = payloads[known:] if known else payloads
        if not new:
            return []
        order = self._order + 1
        self._order += len(new)
        if not kept:
            return entries_in_turn(self.epoch, 0, order, sender, seq + known, new, now)
        log = self._log(topic, now)
        if log.bounds is not bounds and log.bounds != bounds:
            log.bounds = bounds
            self._note(Bounded(topic, bounds))
        entries = entries_in_turn(self.epoch, log.head + 1, order, sender, seq + known, new, now)
        if self._write is not None:
            self._write(AppendedInTurn(topic, entries))
        self._shelf.extend(topic, entries, now)
        return entries

    def excerpt(self, topic: str, after: Position | None, now: float) -> Excerpt:
        """Say what came after a place in a topic's log, which is made if there is none."""
        log = self._log(topic, now)
        self._shelf.trim(topic, now)
        return log.excerpt(after)

    def position(self, topic: str, now: float) -> Position:
        """Say where a topic's log is, which is made if there is none."""
        return self._log(topic, now).position

    # Forgetting.

    def sweep(self, now: float, is_followed: Callable[[str], bool]) -> None:
        """Drop what is too old, and forget logs that nobody has used or follows. Now and then."""
        self._shelf.expire(now)
        for topic in self._unused(now):
            if is_followed(topic) or self._shelf.logs[topic].entries:
                self._touch(topic, now)
            else:
                self._forget(topic)

    def clear(self, is_meant: Callable[[str], bool]) -> list[str]:
        """Forget the logs of some topics. Returns those that had one.

        Whoever was there is told that something is missing. All who follow one of them have to be
        given an excerpt, as its numbers begin anew.
        """
        topics = [topic for topic in self._shelf.logs if is_meant(topic)]
        for topic in topics:
            self._forget(topic)
        return topics

    # The journal.

    def begin(self, moment: Moment, write: Callable[[Record], None] | None) -> None:
        """Give all that is noted from now on to a journal; None: to none.

        For a journal that goes on with the records that were restored. One that is empty gets
        ``snapshot()`` first.
        """
        self._write = write
        self._note(Started(VERSION, moment, self._order))

    def snapshot(self, moment: Moment) -> Iterator[Record]:
        """Return the records of all there is, for a journal that is written anew.

        It may be taken piece by piece: what is noted until it has ended comes behind it, from the
        first piece on. That some of it is in the snapshot as well does no harm.
        """
        yield Started(VERSION, moment, self._order)
        for sender, seq in list(self._marks.by_sender.items()):
            yield Marked(sender, seq)
        for topic in list(self._shelf.logs):
            log = self._shelf.logs.get(topic)
            if log is not None:
                yield from _records_of(topic, log)

    def restore(self, records: Iterable[Record], moment: Moment) -> None:
        """Take over what a journal has. To be called before all else."""
        self._order = Restoring(self._shelf, self._marks, moment).run(records)
        for topic in self._shelf.logs:
            self._touch(topic, moment.monotonic)

    def figures(self) -> Figures:
        """Say how much there is."""
        shelf = self._shelf
        return Figures(len(shelf.logs), shelf.entry_count, shelf.size, shelf.evicted)

    def journal_size(self) -> int:
        """About how many bytes ``snapshot()`` takes, encoded."""
        shelf = self._shelf
        entries = shelf.size + shelf.name_size + shelf.entry_count * (ENTRY_RECORD - ENTRY_COST)
        marks = len(self._marks.by_sender) * MARK_RECORD
        return entries + len(shelf.logs) * LOG_RECORDS + marks

    # Helpers.

    def _log(self, topic: str, now: float) -> Log:
        log = self._shelf.logs.get(topic)
        if log is None:
            log = Log([Run(self.epoch, 1, 0)])
            self._shelf.put(topic, log, now)
            self._note(LogBegun(topic, 0, log.runs))
        self._used[topic] = now
        self._used.move_to_end(topic)
        return log

    def _touch(self, topic: str, now: float) -> None:
        self._used[topic] = now
        self._used.move_to_end(topic)

    def _unused(self, now: float) -> Iterator[str]:
        """Return the topics of logs to be forgotten. Each has to be, or to be touched."""
        for _ in range(min(len(self._used), LOOKS)):
            topic, used = next(iter(self._used.items()))
            if used > now - self._memory and len(self._used) <= self._max_logs:
                return
            yield topic

    def _forget(self, topic: str) -> None:
        log = self._shelf.logs[topic]
        self._shelf.remove(topic)
        self._used.pop(topic, None)
        self._note(LogForgotten(topic))
        # The topic's next log begins at 1 again: that must not be the same position as before.
        if any(run.epoch == self.epoch for run in log.runs):
            self.epoch = self._new_epoch()

    def _note(self, record: Record) -> None:
        if self._write is not None:
            self._write(record)


def _records_of(topic: str, log: Log) -> Iterator[Record]:
    """Return the records of a log, all of one moment."""
    entries = list(log.entries)
    records: list[Record] = [LogBegun(topic, log.floor, log.runs_until(log.floor))]
    if log.bounds is not None:
        records.append(Bounded(topic, log.bounds))
    yield from records
    for entry in entries:
        yield Appended(topic, entry)
