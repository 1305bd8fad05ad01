"""Marks: the last number is said again when it is quiet, later, and when something has happened."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.frame_format import HEAD
from compat_tests.groups.reliable.recorder import NOW, Recorder, publish_lost


def run(recorder: Recorder, start: float, end: float) -> dict[float, int]:
    """Let time pass; return when how many marks were said, seconds after the start of all."""
    marks = {}
    for tenth in range(round((start - NOW) * 10), round((end - NOW) * 10) + 1):
        recorder.topics.tick(NOW + tenth / 10)
        if found := len(recorder.take_marks()):
            marks[tenth / 10] = found
    return marks


def test_says_the_last_number_when_it_is_quiet(sender: Recorder) -> None:
    """Once, with its age; then again while it can still be had, and before it is forgotten."""
    publish_lost(sender, "g:a", b"", b"", b"")
    assert sender.topics.unmarked == 1
    assert sender.topics.next_tick == pytest.approx(NOW + 0.1)
    sender.topics.tick(NOW + 0.1)
    (mark,) = sender.take_marks()
    assert HEAD.unpack(mark)[3:] == (1, 3, 100)
    assert sender.topics.unmarked == 0
    assert run(sender, NOW + 0.2, NOW + 120) == {7.5: 1, 45.0: 1}


def test_says_nothing_while_a_topic_is_in_use(sender: Recorder) -> None:
    """What follows shows a gap as well."""
    for number in range(100):
        now = NOW + number * 0.05
        publish_lost(sender, "g:a", b"", now=now)
        sender.topics.tick(now)
    assert sender.topics.statistics.marks == 0
    assert run(sender, NOW + 5, NOW + 14) == {5.1: 1, 12.5: 1}


def test_does_not_say_all_at_once() -> None:
    """What is left waits for the next tick."""
    sender = Recorder(b"sender", Bounds(marks=10))
    for number in range(25):
        publish_lost(sender, f"g:{number}", b"")
    counts = []
    now = NOW + 0.1
    for _ in range(3):
        now = sender.topics.tick(now)
        counts.append(len(sender.take_marks()))
    assert counts == [10, 10, 5]
    assert sender.topics.unmarked == 0


@pytest.mark.parametrize("away", [True, False])
def test_says_all_again_when_the_bus_has_changed(sender: Recorder, away: bool) -> None:
    """Soon, and once more when the bus has settled; a few at a time."""
    for number in range(700):
        publish_lost(sender, f"g:{number}", b"")
    run(sender, NOW, NOW + 1)
    sender.topics.bus_changed(NOW + 1, away=away)
    marks = run(sender, NOW + 1, NOW + 5)
    assert sum(marks.values()) == 1400
    assert max(marks.values()) <= 500


def test_says_again_what_was_sent_since(sender: Recorder) -> None:
    """What was sent long before somebody was away it has got."""
    publish_lost(sender, "g:old", b"")
    publish_lost(sender, "g:new", b"", now=NOW + 20)
    run(sender, NOW, NOW + 21)
    sender.topics.bus_changed(NOW + 21, away=True, since=NOW + 19)
    run(sender, NOW + 21, NOW + 21.1)
    assert sender.topics.statistics.marks == 2 + 1 + 1  # two and one by themselves


def test_many_changes_are_one(sender: Recorder) -> None:
    """However often the nodes say that something has changed."""
    publish_lost(sender, "g:a", b"")
    for number in range(1000):
        now = NOW + number * 0.001
        sender.topics.bus_changed(now, away=False)
        sender.topics.tick(now)
    assert sum(run(sender, NOW + 1, NOW + 7).values()) <= 7


def test_a_change_of_the_bus_concerns_what_is_kept(sender: Recorder) -> None:
    """What is older can't be had any more."""
    publish_lost(sender, "g:a", b"")
    run(sender, NOW, NOW + 16)
    sender.topics.bus_changed(NOW + 16, away=False)
    assert not run(sender, NOW + 16, NOW + 20)


def test_says_all_at_the_end(sender: Recorder) -> None:
    """However many there are: the process ends."""
    for number in range(2000):
        publish_lost(sender, f"g:{number}", b"")
    sender.topics.mark_now(NOW)
    assert len(sender.take_marks()) == 2000
    assert sender.topics.unmarked == 0
