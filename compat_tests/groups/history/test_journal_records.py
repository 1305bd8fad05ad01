"""The journal, byte by byte: what was written is read, up to the first byte that is wrong."""

from __future__ import annotations

import struct
from itertools import count
from zlib import crc32

import pytest

from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import (
    Appended,
    Bounded,
    LogBegun,
    LogForgotten,
    Marked,
    Moment,
    Record,
    Started,
    encode,
    read_all,
)
from channels_bridge.groups.history.position import Bounds, Entry, Position, Run

NOW = Moment(50.0, 1_000_050.0, "one boot")
BOUNDS = Bounds(100, 300.0)


def entry(offset: int, payload: bytes = b"payload", at: float = 1.0) -> Entry:
    """An entry."""
    return Entry("epoch1", offset, 10 + offset, b"sender", 20 + offset, payload, at)


RECORDS: list[Record] = [
    Started(1, Moment(1.0, 1_000_001.0, "one boot"), 9),
    LogBegun("g:a", 0, [Run("epoch1", 1, 0)]),
    Bounded("g:a", BOUNDS),
    Appended("g:a", entry(1)),
    Appended("g:a", entry(2, b"")),
    Marked(b"another", 7),
    LogBegun("g:b", 3, [Run("epoch0", 1, 2), Run("epoch1", 3, 3)]),
    LogForgotten("g:b"),
    Appended("g:a", entry(3, bytes(300))),
]


def fields(record: object) -> object:
    """A record to compare: entries are equal to themselves only."""
    if isinstance(record, Appended):
        e = record.entry
        return record.topic, e.position, e.order, e.sender, e.seq, e.payload, e.at
    return record


def new_chronicle() -> Chronicle:
    """One that gives epochs of its own."""
    numbers = count(1)
    return Chronicle(new_epoch=lambda: f"new{next(numbers):03d}", max_bytes=1e9)


def restore(records: list[Record], moment: Moment = NOW) -> Chronicle:
    """The chronicle of a hub that finds these records."""
    chronicle = new_chronicle()
    chronicle.restore(records, moment)
    return chronicle


def payloads(chronicle: Chronicle, topic: str = "g:a") -> list[bytes]:
    """What a topic's log keeps."""
    return [e.payload for e in chronicle.excerpt(topic, None, NOW.monotonic).entries]


def test_records_are_read_as_written() -> None:
    """Every kind of record."""
    data = b"".join(map(encode, RECORDS))
    contents = read_all(data)
    assert list(map(fields, contents.records)) == list(map(fields, RECORDS))
    assert (contents.good_length, contents.trouble) == (len(data), None)


def test_an_empty_journal() -> None:
    """It has nothing, and nothing is wrong with it."""
    assert read_all(b"") == ([], 0, None)


def test_cut_at_every_byte() -> None:
    """What was written in full is read, and the rest is known to be missing."""
    data = b"".join(map(encode, RECORDS))
    ends = [0]
    for record in RECORDS:
        ends.append(ends[-1] + len(encode(record)))
    for length in range(len(data) + 1):
        contents = read_all(data[:length])
        good = max(end for end in ends if end <= length)
        assert contents.good_length == good
        assert len(contents.records) == ends.index(good)
        assert (contents.trouble is None) == (length in ends)


def test_every_bit_flipped() -> None:
    """What precedes the record with that bit is read, and nothing behind it is believed."""
    data = b"".join(map(encode, RECORDS))
    ends = [0]
    for record in RECORDS:
        ends.append(ends[-1] + len(encode(record)))
    expected = list(map(fields, RECORDS))
    for index in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[index // 8] ^= 1 << index % 8
        contents = read_all(flipped)
        good = max(end for end in ends if end <= index // 8)
        assert contents.good_length == good, index
        assert list(map(fields, contents.records)) == expected[: ends.index(good)]
        assert contents.trouble is not None


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 4096, b"another file altogether"])
def test_what_a_power_cut_leaves(tail: bytes) -> None:
    """Blocks of a file that were never written are no records."""
    data = b"".join(map(encode, RECORDS))
    contents = read_all(data + tail)
    assert (len(contents.records), contents.good_length) == (len(RECORDS), len(data))
    assert contents.trouble is not None


def test_records_of_a_later_release() -> None:
    """They aren't guessed at, and the words for the log say so."""
    data = encode(Started(2, NOW, 0)) + b"".join(map(encode, RECORDS))
    contents = read_all(data)
    assert contents.records == []
    assert contents.trouble is not None
    assert "another release" in contents.trouble


def test_a_record_of_an_unknown_kind() -> None:
    """Nothing behind it is believed: who knows what it said."""
    content = b"\x92\x63\x00"  # [99, 0]
    head = struct.pack("<I", len(content))
    strange = head + struct.pack("<I", crc32(content, crc32(head))) + content
    contents = read_all(encode(RECORDS[0]) + strange + encode(RECORDS[1]))
    assert len(contents.records) == 1
    assert contents.trouble is not None


# What becomes of them.


def test_a_log_goes_on() -> None:
    """The next hub has what the one before had, knows its positions, and goes on with numbers."""
    chronicle = restore(RECORDS)
    excerpt = chronicle.excerpt("g:a", Position("epoch1", 2), NOW.monotonic)
    assert not excerpt.is_whole
    assert [e.offset for e in excerpt.entries] == [3]
    added = chronicle.append("g:a", b"new", 1, b"", BOUNDS, kept=True, now=51.0)
    assert added is not None
    assert (added.position, added.order) == (Position("new001", 4), 14)
    runs = chronicle.excerpt("g:a", None, 51.0).runs
    assert runs == [Run("epoch1", 1, 3), Run("new001", 4, 4)]


def test_repeats_are_known_to_the_next_hub() -> None:
    """A message that was numbered before the hub was killed isn't numbered again."""
    chronicle = restore(RECORDS)
    for sender, seq in [(b"sender", 21), (b"sender", 23), (b"another", 7)]:
        assert chronicle.append("g:a", sender, seq, b"", BOUNDS, kept=True, now=51.0) is None
    assert chronicle.append("g:a", b"sender", 24, b"", BOUNDS, kept=True, now=51.0) is not None


def test_nobody_was_there_yet() -> None:
    """The place before a group's first message survives: who waits there has missed nothing."""
    first = new_chronicle()
    written: list[Record] = []
    first.begin(NOW, written.append)
    place = first.excerpt("g:a", None, 50.0).runs[-1]
    second = restore(written)
    second.append("g:a", b"s", 1, b"first", BOUNDS, kept=True, now=51.0)
    excerpt = second.excerpt("g:a", Position(place.epoch, place.last), 51.0)
    assert (excerpt.is_whole, [e.payload for e in excerpt.entries]) == (False, [b"first"])


def test_a_place_of_lost_records_is_unknown() -> None:
    """Numbers that two hubs have given to different messages are told apart."""
    chronicle = restore(RECORDS[:5])  # without the third message
    chronicle.append("g:a", b"new", 1, b"", BOUNDS, kept=True, now=51.0)
    assert chronicle.excerpt("g:a", Position("epoch1", 3), 51.0).is_whole
    assert not chronicle.excerpt("g:a", Position("epoch1", 2), 51.0).is_whole


def test_a_journal_of_a_backup() -> None:
    """A disk that was put back: what came since is unknown, whatever its numbers are."""
    later = restore(RECORDS)
    told = later.append("g:a", b"new", 1, b"", BOUNDS, kept=True, now=51.0)
    numbers = count(500)
    backup = Chronicle(new_epoch=lambda: f"new{next(numbers)}", max_bytes=1e9)
    backup.restore(RECORDS, NOW)
    again = backup.append("g:a", b"new", 1, b"", BOUNDS, kept=True, now=51.0)
    assert told is not None and again is not None
    assert told.offset == again.offset
    assert backup.excerpt("g:a", told.position, 51.0).is_whole


def test_records_that_do_not_fit_together() -> None:
    """A log with a hole is left out, and begins anew; the other logs are there."""
    hole = [*RECORDS[:4], Appended("g:a", entry(3)), LogBegun("g:c", 0, [Run("epoch1", 1, 0)])]
    chronicle = restore(hole)
    assert chronicle.figures().logs == 1
    assert chronicle.excerpt("g:a", Position("epoch1", 1), 50.0).is_whole
    assert payloads(chronicle) == []


# Time.


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        (Moment(150.0, 1_000_150.0, "one boot"), [2, 3]),  # 100 s later
        (Moment(150.0, 9_999_999.0, "one boot"), [2, 3]),  # and the clock was set
        (Moment(150.0, 0.0, "one boot"), [2, 3]),
        (Moment(7.0, 1_000_150.0, "another boot"), [2, 3]),  # the machine was started meanwhile
        (Moment(7.0, 9_999_999.0, "another boot"), []),
        (Moment(7.0, 0.0, "another boot"), [1, 2, 3]),  # its clock is wrong: nothing is lost by it
        (Moment(7.0, 1_000_150.0, ""), [2, 3]),
    ],
)
def test_ages_survive(moment: Moment, left: list[int]) -> None:
    """How long a message is kept doesn't begin anew with a hub, whatever becomes of clocks."""
    begun = [
        Started(1, Moment(1.0, 1_000_001.0, "one boot" if moment.boot else ""), 0),
        LogBegun("g:a", 0, [Run("epoch1", 1, 0)]),
        Bounded("g:a", Bounds(100, 120.0)),
    ]
    entries = [Appended("g:a", entry(n, at=at)) for n, at in [(1, 5.0), (2, 40.0), (3, 149.0)]]
    chronicle = restore([*begun, *entries], moment)
    kept = chronicle.excerpt("g:a", None, moment.monotonic).entries
    assert [e.offset for e in kept] == left
    assert all(e.at <= moment.monotonic for e in kept)


def test_wider_bounds_survive() -> None:
    """A message that its first bounds would have dropped by now was kept, as they were widened."""
    records = [
        *RECORDS[:2],
        Bounded("g:a", Bounds(1, 10.0)),
        Appended("g:a", entry(1, at=20.0)),
        Bounded("g:a", Bounds(2, 100.0)),
        Appended("g:a", entry(2, at=25.0)),
    ]
    assert len(payloads(restore(records))) == 2


def test_what_has_gone_takes_no_room() -> None:
    """A journal has more than is kept: what a busy group has let go makes no other forget."""
    records: list[Record] = []
    first = Chronicle(new_epoch=lambda: "first1", max_bytes=10_000)
    first.begin(NOW, records.append)
    numbers = count(1)
    for topic, messages in [("g:quiet", 3), ("g:busy", 60)]:
        for _ in range(messages):
            seq, bounds = next(numbers), Bounds(10, 300.0)
            first.append(topic, b"sender", seq, bytes(100), bounds, kept=True, now=NOW.monotonic)
    second = Chronicle(new_epoch=lambda: "second", max_bytes=10_000)
    second.restore(records, NOW)
    assert len(payloads(second, "g:quiet")) == 3
    assert second.figures() == first.figures()
    small = Chronicle(new_epoch=lambda: "third1", max_bytes=1000)
    small.restore(records, NOW)
    assert small.figures().bytes <= 1000
    assert (payloads(small, "g:quiet"), len(payloads(small, "g:busy"))) == ([], 3)


# Writing anew.


def test_a_rewritten_journal_says_the_same() -> None:
    """And it is short: what is no longer kept is in it no longer."""
    first = new_chronicle()
    written: list[Record] = []
    first.begin(NOW, written.append)
    for seq in range(1, 1001):
        first.append("g:a", b"s", seq, b"%d" % seq, Bounds(10, 300.0), kept=True, now=50.0)
    rewritten = list(first.snapshot(NOW))
    size, before = (sum(len(encode(r)) for r in records) for records in (rewritten, written))
    assert size < before / 50
    second = restore(rewritten)
    assert second.excerpt("g:a", None, 50.0).floor == 990
    assert payloads(second) == payloads(first)


@pytest.mark.parametrize("topic", ["g:a", "g:" + 100 * "a"])
@pytest.mark.parametrize("payload", [b"", bytes(1000)])
@pytest.mark.parametrize("messages", [1, 100])
def test_the_size_of_a_journal(topic: str, payload: bytes, messages: int) -> None:
    """It is known well enough to say whether a file is longer than it need be."""
    chronicle = new_chronicle()
    for number in range(50):
        sender = b"%016d" % number
        for seq in range(1, 5):
            at = (f"{topic}{number % 10}", sender, 10_000 + seq)
            chronicle.append(*at, payload, Bounds(messages, 300.0), kept=True, now=50.0)
    size = sum(len(encode(record)) for record in chronicle.snapshot(NOW))
    assert 0.7 < size / chronicle.journal_size() < 1.3


def test_repeats_of_what_is_no_longer_kept() -> None:
    """They are known also after the journal was written anew, without the message."""
    first = new_chronicle()
    first.begin(NOW, None)
    for sender in (b"one", b"two"):
        first.append("g:a", sender, 5, b"", Bounds(1, 300.0), kept=True, now=50.0)
    second = restore(list(first.snapshot(NOW)))
    assert second.append("g:a", b"one", 5, b"", BOUNDS, kept=True, now=50.0) is None


def test_rewritten_while_more_is_written() -> None:
    """A snapshot is taken piece by piece, and what is noted meanwhile stands behind it."""
    for pieces in range(12):
        chronicle = new_chronicle()
        chronicle.begin(NOW, None)
        for seq in range(1, 9):
            topic = "g:a" if seq % 2 else "g:b"
            chronicle.append(topic, b"s", seq, b"%d" % seq, Bounds(3, 300.0), kept=True, now=50.0)
        meanwhile: list[Record] = []
        chronicle.begin(NOW, meanwhile.append)
        snapshot = chronicle.snapshot(NOW)
        records = [next(snapshot)]
        for number in range(pieces):
            change(chronicle, number)
            records += [record for record in [next(snapshot, None)] if record is not None]
        records += snapshot
        places = {topic: chronicle.position(topic, 50.0) for topic in ("g:a", "g:b", "g:c")}
        restored = restore([*records, *meanwhile])
        for topic, place in places.items():
            assert payloads(restored, topic) == payloads(chronicle, topic), (pieces, topic)
            assert not restored.excerpt(topic, place, 50.0).is_whole


def change(chronicle: Chronicle, number: int) -> None:
    """Append to one of three topics, or forget one."""
    if number == 5:
        chronicle.clear(lambda topic: topic == "g:a")
    topic = "g:" + "abc"[number % 3]
    chronicle.append(topic, b"t", number + 1, b"t%d" % number, BOUNDS, kept=True, now=50.0)
