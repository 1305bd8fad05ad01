"""What counts as lost, as twice, as out of order and as declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.groups.nats.faults.journal import Hearing, Tally
from compat_tests.groups.nats.faults.verdict import Heard, Verdict, judge

FLOW = ("sender", "topic")


def hearing(*numbers: int, declared: int = 0, vague: int = 0) -> Heard:
    """What a receiver has written down that heard these numbers, in this order."""
    hearing = Hearing("receiver")
    for number in numbers:
        hearing.hear(*FLOW, number, now=float(number))
    return Heard("receiver", hearing.runs, declared, vague)


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


def test_declared_without_a_number() -> None:
    """Who was told that something is missing, but not how much, was told."""
    assert judge({FLOW: 3}, [hearing(3, vague=1)]).is_orderly


def test_declared_too_little() -> None:
    """A declaration does not cover more than it says."""
    verdict = judge({FLOW: 3}, [hearing(3, declared=1)])
    assert verdict.silent == ["receiver"]


def test_false_alarm() -> None:
    """A loss that is declared where nothing is missing is not complete."""
    assert not judge({FLOW: 3}, [hearing(1, 2, 3, declared=1)]).is_complete


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
