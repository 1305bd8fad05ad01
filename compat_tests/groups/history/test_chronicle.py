"""The chronicle's bounds: by count, by age, by bytes together, and what is remembered of it."""

from __future__ import annotations

from dataclasses import astuple
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import Moment, Record, encode, read_all
from channels_bridge.groups.history.log import ENTRY_COST, OLD_RUNS, Log
from channels_bridge.groups.history.position import (
    Bounds,
    Entry,
    Position,
    Run,
    Why,
    entries_in_turn,
)
from channels_bridge.groups.history.shelf import Ranking, Shelf
from compat_tests.fuzz.profile import PROFILE

TOPICS = ["g:a", "g:b", "g:c"]
BOUNDS = Bounds(3, 100.0)


def new_chronicle(**options: float) -> Chronicle:
    """One whose epochs are 1, 2, 3."""
    numbers = count(1)
    arguments = {"max_bytes": 1e9, **options}
    return Chronicle(new_epoch=lambda: str(next(numbers)), **arguments)  # type: ignore[arg-type]


class Appending:
    """A sender."""

    def __init__(self, chronicle: Chronicle) -> None:
        self.chronicle = chronicle
        self.seq = 0

    def __call__(
        self,
        topic: str = "g:a",
        now: float = 0.0,
        *,
        size: int = 10,
        kept: bool = True,
        bounds: Bounds = BOUNDS,
    ) -> Entry:
        """Append a message."""
        self.seq += 1
        payload = b"%0*d" % (size, self.seq)
        entry = self.chronicle.append(topic, b"s", self.seq, payload, bounds, kept=kept, now=now)
        assert entry is not None
        return entry


def offsets(chronicle: Chronicle, topic: str = "g:a", now: float = 0.0) -> list[int]:
    """The numbers that a topic's log keeps."""
    return [entry.offset for entry in chronicle.excerpt(topic, None, now).entries]


def test_so_many_messages() -> None:
    """The oldest goes when there are more than the bounds say."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    for _ in range(5):
        append()
    assert offsets(chronicle) == [3, 4, 5]


def test_so_many_seconds() -> None:
    """What is older than the bounds say isn't given to anybody, swept or not."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    append(now=0.0)
    append(now=50.0)
    assert offsets(chronicle, now=99.9) == [1, 2]
    assert offsets(chronicle, now=100.0) == [2]
    chronicle.sweep(150.0, lambda topic: False)
    assert chronicle.figures().messages == 0
    assert chronicle.figures().bytes == 0


def test_so_many_bytes_together() -> None:
    """The oldest messages of all groups go first, whichever is sent to, and are counted."""
    chronicle = new_chronicle(max_bytes=4 * (ENTRY_COST + 100))
    append = Appending(chronicle)
    for topic in ("g:a", "g:b", "g:a", "g:b"):
        append(topic, size=100)
    assert chronicle.figures() == (2, 4, 4 * (ENTRY_COST + 100), 0)
    append("g:c", size=100)
    append("g:c", size=100)
    append("g:c", size=100)
    assert [offsets(chronicle, topic) for topic in TOPICS] == [[], [2], [1, 2, 3]]
    assert chronicle.figures().evicted == 3


def test_a_message_larger_than_all() -> None:
    """It is numbered and given to whoever follows, and not kept."""
    chronicle = new_chronicle(max_bytes=1000)
    append = Appending(chronicle)
    append()
    large = append(size=2000)
    assert (large.offset, len(large.payload)) == (2, 2000)
    excerpt = chronicle.excerpt("g:a", Position("1", 1), 0.0)
    assert (excerpt.is_whole, excerpt.floor, excerpt.entries) == (True, 2, [])
    assert append().offset == 3


def test_bounds_may_change() -> None:
    """What the latest message says counts."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    for _ in range(3):
        append()
    append(bounds=Bounds(2, 100.0))
    assert offsets(chronicle) == [3, 4]
    append(bounds=Bounds(10, 100.0))
    assert offsets(chronicle) == [3, 4, 5]


@pytest.mark.parametrize("max_bytes", [1e9, 4 * (ENTRY_COST + 10)])
@pytest.mark.parametrize("messages", [1, 3, 8])
@pytest.mark.parametrize("kept", [True, False])
def test_many_at_once(max_bytes: float, messages: int, kept: bool) -> None:
    """Messages that come together are numbered and kept as if they came one by one."""
    single, together = new_chronicle(max_bytes=max_bytes), new_chronicle(max_bytes=max_bytes)
    bounds = Bounds(messages, 100.0)
    sent = [("g:a", b"s", 1, 2), ("g:b", b"s", 3, 5), ("g:a", b"t", 1, 6)]
    for topic, sender, seq, many in sent:
        payloads = [b"%010d" % number for number in range(many)]
        numbered = [
            single.append(topic, sender, seq + place, payload, bounds, kept=kept, now=0.0)
            for place, payload in enumerate(payloads)
        ]
        entries = together.extend(topic, sender, seq, payloads, bounds, kept=kept, now=0.0)
        assert list(map(astuple, entries)) == [astuple(entry) for entry in numbered if entry]
        # How many have gone for others is another number: some would have gone soon by the bounds.
        assert single.figures()[:3] == together.figures()[:3]
    for topic in ("g:a", "g:b"):
        one, all_ = (made.excerpt(topic, None, 1.0) for made in (single, together))
        assert astuple(one) == astuple(all_)


def test_some_of_many_are_repeats() -> None:
    """Those that were numbered before are left out, and the others follow what is there."""
    chronicle = new_chronicle()

    def extend(seq: int, many: int) -> list[tuple[int, int]]:
        payloads = [b"%d" % (seq + place) for place in range(many)]
        entries = chronicle.extend("g:a", b"s", seq, payloads, BOUNDS, kept=True, now=0.0)
        assert [entry.payload for entry in entries] == payloads[many - len(entries) :]
        return [(entry.seq, entry.offset) for entry in entries]

    assert extend(5, 3) == [(5, 1), (6, 2), (7, 3)]
    assert extend(5, 3) == extend(5, 2) == extend(6, 1) == []
    assert extend(6, 4) == [(8, 4), (9, 5)]


def test_a_hole_among_many() -> None:
    """A log takes what follows it, all of it or nothing."""
    log = Log([Run("e", 1, 0)])
    one, two, three, four = entries_in_turn("e", 1, 1, b"s", 1, [b"x"] * 4, 0.0)
    for entries in ([two], [one, three], [one, two, four]):
        with pytest.raises(ValueError, match="can't follow 0"):
            log.extend(entries)
    log.extend([one, two])
    log.extend([three, four])
    assert (log.head, log.size) == (4, 4 * (ENTRY_COST + 1))


def test_messages_that_are_not_kept() -> None:
    """They have a number among all, none in the group, and make no log."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    passed = append(kept=False)
    assert (passed.offset, passed.order) == (0, 1)
    assert chronicle.figures().logs == 0
    assert append().position == Position("1", 1)
    assert append(kept=False).order == 3
    assert offsets(chronicle) == [1]


def test_a_silent_group_is_remembered() -> None:
    """Who was there before all has expired has missed nothing, a day long."""
    chronicle = new_chronicle()
    place = Appending(chronicle)().position
    for now in range(0, 86_000, 1000):
        chronicle.sweep(float(now), lambda topic: False)
    excerpt = chronicle.excerpt("g:a", place, 86_000.0)
    assert (excerpt.is_whole, excerpt.floor, list(excerpt.entries)) == (False, 1, [])


def test_a_group_is_forgotten() -> None:
    """After a day of not being used. Its numbers begin anew, as others, and so do its positions."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    place = append().position
    chronicle.sweep(100.0, lambda topic: False)
    chronicle.sweep(86_401.0, lambda topic: False)
    assert chronicle.figures().logs == 0
    assert append(now=86_402.0).position == Position("2", 1)
    assert chronicle.excerpt("g:a", place, 86_402.0).is_whole


def test_a_group_that_is_followed_is_not_forgotten() -> None:
    """Its followers would be told that something is missing, which isn't true."""
    chronicle = new_chronicle()
    place = Appending(chronicle)().position
    for now in (100.0, 90_000.0, 180_000.0):
        chronicle.sweep(now, lambda topic: True)
    assert not chronicle.excerpt("g:a", place, 180_000.0).is_whole


def test_so_many_groups() -> None:
    """With too many, those longest unused are forgotten; never one that has messages."""
    chronicle = new_chronicle(max_logs=2)
    append = Appending(chronicle)
    append("g:messages", bounds=Bounds(3, 1e9))
    for topic in TOPICS:
        chronicle.position(topic, 0.0)
    chronicle.sweep(1.0, lambda topic: False)
    assert chronicle.figures().logs == 2
    assert offsets(chronicle, "g:messages") == [1]


def test_cleared() -> None:
    """Whoever was there is told that something is missing."""
    chronicle = new_chronicle()
    append = Appending(chronicle)
    place = append("g:a").position
    append("g:b")
    assert chronicle.clear(lambda topic: topic == "g:a") == ["g:a"]
    assert chronicle.excerpt("g:a", place, 0.0).is_whole
    assert offsets(chronicle, "g:b") == [1]


def test_bytes_bound_before_count() -> None:
    """Entries that went by count aren't evicted once more."""
    shelf = Shelf(10 * ENTRY_COST)
    shelf.put("g:a", Log([Run("e", 1, 0)], bounds=Bounds(2, 100.0)), 0.0)
    for number in range(1, 101):
        shelf.append("g:a", Entry("e", number, number, b"s", number, b"", 0.0), 0.0)
    assert (shelf.entry_count, shelf.evicted) == (2, 0)


def test_a_ranking_does_not_grow() -> None:
    """Topics that come and go leave nothing behind."""
    ranking = Ranking()
    for number in range(10_000):
        ranking.add("g:a", number)
        ranking.discard("g:a")
    assert len(ranking._heap) < 200
    ranking.add("g:b", 5)
    ranking.add("g:c", 3)
    assert (ranking.lowest, ranking.pop(), ranking.pop()) == (3, "g:c", "g:b")


def test_runs_are_forgotten_in_the_end() -> None:
    """A log that many hubs have numbered knows the latest epochs of what it has dropped."""
    log = Log([Run("0", 1, 0)], bounds=Bounds(5, 100.0))
    for number in range(1, 101):
        log.append(Entry(str(number), number, number, b"", number, b"", 0.0))
        log.trim(0.0)
    assert len(log.runs) <= OLD_RUNS + 5
    assert log.why_not(Position("100", 100)) is None
    assert log.why_not(Position("95", 95)) is None
    assert log.why_not(Position("94", 94)) is Why.EXPIRED
    assert log.why_not(Position("2", 2)) is Why.UNKNOWN


def test_entries_follow_one_another() -> None:
    """A log takes no other entry than the next."""
    log = Log([Run("e", 1, 0)])
    with pytest.raises(ValueError, match="entry 2 can't follow 0"):
        log.append(Entry("e", 2, 1, b"", 1, b"", 0.0))


class ChronicleMachine(RuleBasedStateMachine):
    """A chronicle beside plain lists of what it should keep.

    What goes by bytes isn't foreseen: there are so few messages that none does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epochs = count(1)
        self.now = 0.0
        self.seq = 0
        self.journal = bytearray()
        self.is_last_kept = False
        self.kept: dict[str, list[Entry]] = {topic: [] for topic in TOPICS}  # also what is too old
        self.bounds = dict(
            zip(TOPICS, [Bounds(1, 5.0), Bounds(2, 5.0), Bounds(4, 1.0)], strict=True)
        )
        self.places: dict[str, list[Position]] = {topic: [] for topic in TOPICS}
        self.chronicle = self.start()

    def start(self) -> Chronicle:
        """A hub starts, and finds the journal."""
        chronicle = Chronicle(new_epoch=lambda: str(next(self.epochs)), max_bytes=1e9)
        chronicle.restore(read_all(self.journal).records, self.moment())
        chronicle.begin(self.moment(), self.write)
        return chronicle

    def moment(self) -> Moment:
        """Now."""
        return Moment(self.now, self.now, "one boot")

    def write(self, record: Record) -> None:
        """Add a record to the journal."""
        self.journal += encode(record)

    @rule(topic=st.sampled_from(TOPICS), kept=st.booleans())
    def append(self, topic: str, kept: bool) -> None:
        """Somebody sends something."""
        self.seq += 1
        self.is_last_kept = kept
        bounds, payload = self.bounds[topic], b"%d" % self.seq
        entry = self.chronicle.append(
            topic, b"s", self.seq, payload, bounds, kept=kept, now=self.now
        )
        assert entry is not None
        if kept:
            self.kept[topic].append(entry)
            del self.kept[topic][: -bounds.messages]
            self.places[topic].append(entry.position)

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.chronicle.sweep(self.now, lambda topic: True)

    @rule()
    def restart(self) -> None:
        """The hub is killed, and another one starts."""
        self.chronicle = self.start()

    @rule()
    def rewrite(self) -> None:
        """The journal is written anew."""
        self.journal[:] = b"".join(map(encode, self.chronicle.snapshot(self.moment())))

    @precondition(lambda self: self.is_last_kept)
    @rule(topic=st.sampled_from(TOPICS))
    def repeat(self, topic: str) -> None:
        """The last message is sent again."""
        entry = self.chronicle.append(
            topic, b"s", self.seq, b"", Bounds(4, 5.0), kept=True, now=self.now
        )
        assert entry is None

    def young(self, topic: str) -> list[Entry]:
        """What is young enough."""
        seconds = self.bounds[topic].seconds
        return [entry for entry in self.kept[topic] if entry.at + seconds > self.now]

    @invariant()
    def keeps_what_it_should(self) -> None:
        """No more and no less, and every place that was told is served if that is possible."""
        total = 0
        for topic in TOPICS:
            expected = [entry.payload for entry in self.young(topic)]
            whole = self.chronicle.excerpt(topic, None, self.now)
            assert [entry.payload for entry in whole.entries] == expected
            assert whole.runs[-1].last == whole.floor + len(expected)
            total += len(expected)
            for place in self.places[topic]:
                excerpt = self.chronicle.excerpt(topic, place, self.now)
                assert excerpt.is_whole == (place.offset < excerpt.floor)
                if not excerpt.is_whole:
                    assert [entry.offset for entry in excerpt.entries] == list(
                        range(place.offset + 1, excerpt.floor + len(expected) + 1)
                    )
        assert self.chronicle.figures().messages == total


ChronicleMachine.TestCase.settings = settings(PROFILE, stateful_step_count=30)
test_chronicle_machine = ChronicleMachine.TestCase
