"""What counts as lost, as twice, as out of order and as declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compat_tests.groups.nats.faults.cast import DECLARED, read
from compat_tests.groups.nats.faults.journal import Hearing, Tally
from compat_tests.groups.nats.faults.verdict import ANY, Heard, Verdict, judge

FLOW = ("sender", "topic")


def hearing(*numbers: int, declared: int | None = 0, topic: str = "topic") -> Heard:
    """What a receiver has written down that heard these numbers, in this order, and was told to
    have missed so many.
    """
    hearing = Hearing("receiver")
    for number in numbers:
        hearing.hear(*FLOW, number, now=float(number))
    return Heard("receiver", hearing.runs, [(topic, declared)] if declared != 0 else [])


def test_all_is_well() -> None:
    """Messages that came once and in order are complete, at each receiver."""
    verdict = judge({FLOW: 3}, [hearing(1, 2, 3), hearing(1, 2, 3)])
    assert verdict.is_complete
    assert verdict == Verdict(expected=6, delivered=6)


@pytest.mark.parametrize(
    ("numbers", "lost", "twice", "disordered"),
    [
        ((1, 2), 1, 0, 0),
        ((1, 3), 1, 0, 0),
        ((), 3, 0, 0),
        ((1, 2, 2, 3), 0, 1, 0),
        ((1, 3, 2), 0, 0, 1),
        ((1, 2, 3, 1), 0, 1, 1),
    ],
)
def test_what_is_wrong(numbers: tuple[int, ...], lost: int, twice: int, disordered: int) -> None:
    """What is missing, comes again or comes late is counted, and is not orderly."""
    verdict = judge({FLOW: 3}, [hearing(*numbers)])
    assert not verdict.is_orderly
    assert sum(verdict.lost.values()) == lost
    assert (verdict.twice, verdict.disordered) == (twice, disordered)


def test_declared() -> None:
    """A loss that was declared is orderly, and still not complete."""
    verdict = judge({FLOW: 3}, [hearing(3, declared=2)])
    assert verdict.is_orderly
    assert not verdict.is_complete


@pytest.mark.parametrize("topic", ["topic", ANY])
def test_declared_without_a_number(topic: str) -> None:
    """Who was told that something is missing, but not how much, was told; it is not complete."""
    verdict = judge({FLOW: 3}, [hearing(3, declared=None, topic=topic)])
    assert verdict.is_orderly
    assert not verdict.is_complete


@pytest.mark.parametrize("told", [{"declared": 1}, {"declared": None, "topic": "another"}])
def test_declared_too_little(told: dict[str, Any]) -> None:
    """A declaration does not cover more than it says, nor another topic."""
    verdict = judge({FLOW: 3}, [hearing(3, **told)])
    assert verdict.silent == ["receiver, topic"]


def test_false_alarm() -> None:
    """A loss that is declared where nothing is missing is not complete."""
    assert not judge({FLOW: 3}, [hearing(1, 2, 3, declared=1)]).is_complete
    assert not judge({FLOW: 3}, [hearing(1, 2, 3, declared=None)]).is_complete


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("this process has missed 2 messages to g:a.b from another one: why", ("a.b", 2)),
        ("this process has missed 1 message to g:a.b from another one: why", ("a.b", 1)),
        ("this process has missed messages to any topic from another one: why", (ANY, None)),
    ],
)
def test_reading_the_log(line: str, declared: tuple[str, int | None]) -> None:
    """What the log says of a loss is understood."""
    found = DECLARED.search(line)
    assert found and read(found) == declared


@pytest.mark.parametrize(("numbers", "lost"), [((1, 2), 0), ((), 0), ((1, 3), 1)])
def test_killed_sender(numbers: tuple[int, ...], lost: int) -> None:
    """The end of what a killed sender said may be missing, but nothing before it."""
    verdict = judge({FLOW: 9}, [hearing(*numbers)], ends_open=["sender"])
    assert sum(verdict.lost.values()) == lost


def test_tally(tmp_path: Path) -> None:
    """A tally counts each topic by itself, and is there for others, also later."""
    tally = Tally(tmp_path / "tally", 2)
    assert [tally.add(1), tally.add(1), tally.add(0)] == [1, 2, 1]
    again = Tally(tmp_path / "tally", 2)
    assert [again[0], again[1]] == [1, 2]


def test_longest_pause() -> None:
    """The longest time between two messages is kept, from when one begins to look."""
    hearing = Hearing("receiver")
    for now in (0.0, 5.0):
        hearing.hear(*FLOW, 1, now)
    assert hearing.longest_pause == 5.0
    hearing.forget_pauses(7.0)
    for now in (8.0, 10.0):
        hearing.hear(*FLOW, 1, now)
    assert hearing.longest_pause == 2.0
