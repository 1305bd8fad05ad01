"""Encoding and decoding of a topic's log, in parts that keep nobody's loop busy for long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.history.position import Bounds, Entry, Excerpt, Position, Run
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: What a hub says of itself that keeps history.
FEATURE = "history"

#: What a hub and a process say of themselves that can read many messages of logs in one frame.
JOINED = "joined"

#: The longest that a message is kept, in seconds.
MAX_SECONDS = 10 * 365 * 86400.0

#: A part is closed once its payloads have so many bytes.
PART_SIZE = 4 * 1024 * 1024


def split(topic: str, excerpt: Excerpt, *, seq: int, now: float) -> Iterator[wire.Log]:
    """Yield the parts of an excerpt, one at least.

    Args:
        seq: of the Follow that they answer, or 0.
        now: in the clock of the entries.
    """
    part, size = _first_part(topic, excerpt, seq), 0
    for entry in excerpt.entries:
        if size >= PART_SIZE:
            part.more = True
            yield part
            part, size = wire.Log(topic=topic, seq=seq), 0
        part.entries.append(_wire_entry(entry, now))
        size += len(entry.payload)
    yield part


def _first_part(topic: str, excerpt: Excerpt, seq: int) -> wire.Log:
    return wire.Log(
        topic=topic,
        whole=excerpt.is_whole,
        floor=excerpt.floor,
        runs=[wire.Run(epoch=run.epoch, first=run.first, last=run.last) for run in excerpt.runs],
        seq=seq,
    )


def _wire_entry(entry: Entry, now: float) -> wire.LogEntry:
    return wire.LogEntry(
        epoch=entry.epoch,
        offset=entry.offset,
        order=entry.order,
        sender=entry.sender,
        seq=entry.seq,
        payload=entry.payload,
        age=max(now - entry.at, 0.0),
    )


class Parts:
    """The parts of a log that have come so far."""

    def __init__(self, first: wire.Log) -> None:
        self._first = first
        self._entries: list[wire.LogEntry] = list(first.entries)

    def add(self, part: wire.Log) -> None:
        """Note the next one."""
        self._entries.extend(part.entries)

    def join(self, now: float) -> Excerpt:
        """Return what they say together."""
        first = self._first
        return Excerpt(
            is_whole=first.whole,
            floor=first.floor,
            runs=[Run(run.epoch, run.first, run.last) for run in first.runs],
            entries=[_entry(entry, now) for entry in self._entries],
        )


def _entry(entry: wire.LogEntry, now: float) -> Entry:
    return Entry(
        entry.epoch,
        entry.offset,
        entry.order,
        entry.sender,
        entry.seq,
        entry.payload,
        now - entry.age,
    )


def wire_position(position: Position | None) -> wire.Position | None:
    """Return a position as frames have it."""
    return position and wire.Position(epoch=position.epoch, offset=position.offset)


def position_in(follow: wire.Follow) -> Position | None:
    """Return the position that a Follow names, if it does."""
    if not follow.HasField("after"):
        return None
    return Position(follow.after.epoch, follow.after.offset)


def wire_history(bounds: Bounds, *, kept: bool) -> wire.History:
    """Return bounds as a Publish has them."""
    return wire.History(messages=bounds.messages, seconds=bounds.seconds, transient=not kept)


@lru_cache(maxsize=256)
def bounds_of(messages: int, seconds: float) -> Bounds:
    """Return the bounds that a Publish has; nearest to them where they can't be meant."""
    seconds = seconds if seconds > 0 else 0.0  # neither NaN
    return Bounds(max(messages, 1), min(seconds, MAX_SECONDS))


def encode_delivery(topic: str, entry: Entry) -> bytes:
    """Return a batch of one Delivery, of a message with a number."""
    varint, payload = frame_codec.varint, entry.payload
    numbered = b"".join(
        (_epoch_head(entry.epoch), varint(entry.offset), _ORDER, varint(entry.order))
    )
    return frame_codec.frame_of(
        wire.Delivery,
        _delivery_head(topic, entry.sender),
        varint(entry.seq),
        _NUMBERED,
        varint(len(numbered)),
        numbered,
        _DELIVERED,
        varint(len(payload)),
        payload,
    )


def encode_deliveries(topic: str, entries: Sequence[Entry]) -> bytes:
    """Return a batch of one frame, of messages that ``entries_in_turn`` has numbered."""
    first = entries[0]
    if len(entries) == 1:
        return encode_delivery(topic, first)
    numbered = wire.Numbered(epoch=first.epoch, offset=first.offset, order=first.order)
    return frame_codec.encode(
        wire.Deliveries(
            sender=first.sender,
            seq=first.seq,
            topic=topic,
            numbered=numbered,
            payloads=[entry.payload for entry in entries],
        )
    )


@lru_cache(maxsize=4096)
def _delivery_head(topic: str, sender: bytes) -> bytes:
    return wire.Delivery(topic=topic, sender=sender).SerializeToString() + _DELIVERY_SEQ


@lru_cache(maxsize=16)
def _epoch_head(epoch: str) -> bytes:
    return wire.Numbered(epoch=epoch).SerializeToString() + _OFFSET


#: How these fields of a Delivery and of its Numbered begin.
_DELIVERY_SEQ = b"\x10"
_DELIVERED = b"\x22"
_NUMBERED = b"\x32"
_OFFSET = b"\x10"
_ORDER = b"\x18"
