"""Restoring: a journal's records become the logs that they tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from channels_bridge.groups.history.journal_records import (
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
from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.history.sender_marks import SenderMarks
from channels_bridge.groups.history.shelf import Shelf


class Restoring:
    """Puts logs onto a shelf, and marks beside it.

    A log whose records don't fit together is left out: whoever was there is told that something is
    missing, which is true as far as anybody knows.

    Args:
        shelf: empty.
        marks: empty.
        moment: now.
    """

    def __init__(self, shelf: Shelf, marks: SenderMarks, moment: Moment) -> None:
        self._shelf = shelf
        self._marks = marks
        self._moment = moment
        self._now = moment.monotonic
        self._shift = 0.0  # from the stamps of whoever wrote, to those of now
        self._order = 0
        self._bounds: dict[str, Bounds] = {}  # the latest of each topic
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Started: self._started,
            LogBegun: self._log_begun,
            Bounded: self._bounded,
            Appended: self._appended,
            AppendedInTurn: self._appended_in_turn,
            LogForgotten: lambda record: self._shelf.remove(record.topic),
            Marked: lambda record: self._mark(record.sender, record.seq),
        }

    def run(self, records: Iterable[Record]) -> int:
        """Go through all records. Returns the highest order."""
        with self._shelf.unbounded():
            for record in records:
                self._handlers[type(record)](record)
            # Not before: what an earlier bound would drop now was kept if it was widened in time.
            for topic, log in self._shelf.logs.items():
                log.bounds = self._bounds.get(topic)
                self._shelf.trim(topic, self._now)
        return self._order

    def _started(self, record: Started) -> None:
        self._order = max(self._order, record.order)
        then, now = record.at, self._moment
        if then.boot and then.boot == now.boot:
            self._shift = 0.0
        else:
            age = max(now.wall - then.wall, 0.0)  # the clock may have been set back
            self._shift = now.monotonic - age - then.monotonic

    def _log_begun(self, record: LogBegun) -> None:
        self._bounds.pop(record.topic, None)
        self._shelf.put(record.topic, Log(record.runs, floor=record.floor), self._now)

    def _bounded(self, record: Bounded) -> None:
        self._bounds[record.topic] = record.bounds

    def _appended(self, record: Appended) -> None:
        topic, entry = record
        self._mark(entry.sender, entry.seq)
        self._order = max(self._order, entry.order)
        log = self._shelf.logs.get(topic)
        if log is None:
            return
        if entry.offset == log.head + 1:
            entry.at = min(entry.at + self._shift, self._now)
            self._shelf.append(topic, entry, self._now)
        elif not log.has_numbered(entry.position):  # else it was in the snapshot already
            self._shelf.remove(topic)

    def _appended_in_turn(self, record: AppendedInTurn) -> None:
        for entry in record.entries:
            self._appended(Appended(record.topic, entry))

    def _mark(self, sender: bytes, seq: int) -> None:
        self._marks.advance(sender, seq)
