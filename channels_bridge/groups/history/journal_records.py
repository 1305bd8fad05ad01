"""The journal's records: what a hub writes down of its logs, for the one after it.

Each record is its length and a checksum (CRC-32 of length and content, both little-endian), then
its content in MessagePack: ``[kind, *fields]``. What was written in full before its hub was killed
is read; behind the first byte that is wrong nothing is believed.

Stamps are in ``time.monotonic()`` of the hub that wrote them, and ``Started`` says how to read
those: within one boot of the machine setting its clock changes nothing.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import msgpack

from channels_bridge.groups.history.position import Bounds, Entry, Run

_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<II")

#: Of the records here. Another release that writes others counts on.
VERSION = 1


class Moment(NamedTuple):
    """When something was, by all clocks.

    Attributes:
        monotonic: ``time.monotonic()``.
        wall: ``time.time()``.
        boot: of the machine since it was started; empty where that isn't known.
    """

    monotonic: float
    wall: float
    boot: str


class Started(NamedTuple):
    """A hub has started. What follows was written by it.

    Attributes:
        version: of the records that follow.
        order: the highest number among the messages of all topics until then.
    """

    version: int
    at: Moment
    order: int


class LogBegun(NamedTuple):
    """A topic has a log, without entries. It takes the place of the one before."""

    topic: str
    floor: int
    runs: list[Run]


class Bounded(NamedTuple):
    """A topic's log has these bounds from here on."""

    topic: str
    bounds: Bounds


class Appended(NamedTuple):
    """A topic's log has another entry."""

    topic: str
    entry: Entry


class AppendedInTurn(NamedTuple):
    """A topic's log has several more entries. It is written as so many ``Appended``."""

    topic: str
    entries: Sequence[Entry]


class LogForgotten(NamedTuple):
    """A topic has no log any more."""

    topic: str


class Marked(NamedTuple):
    """A sender has numbered that far."""

    sender: bytes
    seq: int


Record: TypeAlias = Started | LogBegun | Bounded | Appended | AppendedInTurn | LogForgotten | Marked


class Contents(NamedTuple):
    """What there is in a journal.

    Attributes:
        records: up to where it is right.
        good_length: how many bytes that are.
        trouble: what is wrong there, for the log; None where nothing is.
    """

    records: list[Record]
    good_length: int
    trouble: str | None


def encode(record: Record) -> bytes:
    """Return a record's bytes."""
    pack = _packers.pack
    if isinstance(record, AppendedInTurn):
        topic, entries = record
        return b"".join([_framed(pack(_entry_fields((topic, entry)))) for entry in entries])
    return _framed(pack(_FIELDS[type(record)](record)))


def _framed(content: bytes) -> bytes:
    length = _LENGTH.pack(len(content))
    return _HEAD.pack(len(content), crc32(content, crc32(length))) + content


def read_all(data: bytes | memoryview) -> Contents:
    """Read records, as far as they are right."""
    reading = _Reading(memoryview(data))
    return Contents(list(reading), reading.position, reading.trouble)


class _Packers(threading.local):
    """One for each thread: a journal may be written anew in another one."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer().pack


_packers = _Packers()


class _Reading:
    """Reads one record after the other until the first that isn't right."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.position = 0
        self.trouble: str | None = None

    def __iter__(self) -> Iterator[Record]:
        while self.position < len(self.data):
            content = self._next_content()
            if content is None:
                return
            try:
                record = _decode(content)
            except Exception as error:  # the edge: whatever MessagePack and constructors raise
                self.trouble = f"a record that can't be read: {error!r}"
                return
            self.position += _HEAD.size + len(content)
            yield record

    def _next_content(self) -> memoryview | None:
        start = self.position + _HEAD.size
        if start > len(self.data):
            self.trouble = "a record whose end is missing"
            return None
        length, checksum = _HEAD.unpack_from(self.data, self.position)
        content = self.data[start : start + length]
        if len(content) < length:
            self.trouble = "a record whose end is missing"
            return None
        if crc32(content, crc32(_LENGTH.pack(length))) != checksum:
            self.trouble = "a record whose checksum is wrong"
            return None
        return content


def _decode(content: memoryview) -> Record:
    kind, *fields = msgpack.unpackb(content)
    return _MAKERS[kind](*fields)


def _started(version: int, order: int, *at: Any) -> Started:
    if version != VERSION:
        raise ValueError(f"written by another release, in version {version}")
    return Started(version, Moment(*at), order)


def _log_begun(topic: str, floor: int, *runs: list[Any]) -> LogBegun:
    return LogBegun(topic, floor, [Run(*run) for run in runs])


def _bounded(topic: str, messages: int, seconds: float) -> Bounded:
    return Bounded(topic, Bounds(messages, seconds))


def _appended(topic: str, *fields: Any) -> Appended:
    return Appended(topic, Entry(*fields))


def _entry_fields(record: tuple[str, Entry]) -> tuple[Any, ...]:
    topic, e = record
    return (4, topic, e.epoch, e.offset, e.order, e.sender, e.seq, e.payload, e.at)


_FIELDS: dict[type[Any], Callable[[Any], tuple[Any, ...]]] = {
    Started: lambda record: (1, record.version, record.order, *record.at),
    LogBegun: lambda record: (2, record.topic, record.floor, *record.runs),
    Bounded: lambda record: (3, record.topic, record.bounds.messages, record.bounds.seconds),
    Appended: _entry_fields,
    LogForgotten: lambda record: (5, record.topic),
    Marked: lambda record: (6, record.sender, record.seq),
}

_MAKERS: dict[int, Callable[..., Record]] = {
    1: _started,
    2: _log_begun,
    3: _bounded,
    4: _appended,
    5: LogForgotten,
    6: Marked,
}
