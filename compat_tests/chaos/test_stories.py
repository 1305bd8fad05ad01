"""What clients that resume got is judged as it deserves."""

from __future__ import annotations

import pytest

from compat_tests.chaos.journal import Record
from compat_tests.chaos.outcomes import Suffered
from compat_tests.chaos.stories import Gap, Story, forgotten_by, judge_stories


def sender(*numbers: int, worker: int = 1) -> Record:
    """What somebody has sent, a second apart."""
    return Record(
        "sender", "room", worker=worker, sent={number: float(number) for number in numbers}
    )


def story(*numbers: int | None, name: str = "page", joined: float = 0.0) -> Story:
    """What a client got: the offset is the number; None is a gap that it was told of."""
    steps = [Gap("unknown", 2.5) if each is None else (each, ("sender", each)) for each in numbers]
    return Story(name, "room", joined, steps)


def judged(*stories: Story, suffered: tuple[Suffered, ...] = ()) -> list[str]:
    """What is wrong with them, where 1 to 4 were sent."""
    return judge_stories(stories, [sender(1, 2, 3, 4)], suffered, unsure=())


def test_good_stories() -> None:
    """Everything once, in one order, from where each has joined."""
    assert judged(story(1, 2, 3, 4), story(3, 4, name="late", joined=2.5)) == []


@pytest.mark.parametrize(
    ("numbers", "invariant"),
    [
        ((1, 2, 2, 3, 4), "I1"),
        ((1, 2, 4), "I3"),
        ((1, 2, 3), "I3"),
        ((1, 2, None, 3, 4), "I4"),
    ],
)
def test_what_is_wrong(numbers: tuple[int | None, ...], invariant: str) -> None:
    """Each thing that must not be is found."""
    found = judged(story(*numbers))
    assert found
    assert any(line.startswith(invariant) for line in found)


def test_another_order() -> None:
    """Members who got messages in different orders are found, resuming or not."""
    turned = Story("turned", "room", 0.0, [(1, ("sender", 2)), (2, ("sender", 1))])
    assert any("I2" in line for line in judged(story(1, 2, 3, 4), turned))
    record = Record("plain", "room", got=[("sender", 3), ("sender", 2)])
    records = [sender(1, 2, 3, 4), record]
    assert any("I2" in line for line in judge_stories([story(1, 2, 3, 4)], records, (), ()))


def test_gap_of_lost_history() -> None:
    """Whoever is told of a gap after the file was removed is told the truth; later it is not."""
    fault = Suffered("everything_killed_history_removed", 2.0, over=3.0)
    assert judged(story(1, None, 4), suffered=(fault,)) == []
    fault.over = 2.2
    assert judged(story(1, None, 4), suffered=(fault,)) != []


@pytest.mark.parametrize(
    ("name", "gaps", "forgotten"),
    [
        ("disk_full", (2.5,), {2.0, 2.9}),
        ("disk_full", (3.5,), set()),
        ("hub_killed", (2.5,), set()),
    ],
)
def test_forgotten(name: str, gaps: tuple[float, ...], forgotten: set[float]) -> None:
    """What is said while the disk is full may be lost in rooms whose members are told so then."""
    page = Story("page", "room", 0.0, [Gap("unknown", moment) for moment in gaps])
    is_forgotten = forgotten_by([page], [Suffered(name, 2.0, over=3.0)])
    assert {moment for moment in (0.9, 2.0, 2.9, 3.1) if is_forgotten("room", moment)} == forgotten
    assert not is_forgotten("other", 2.5)


def test_not_at_the_head() -> None:
    """Members of a room who are not in the same place in the end are found."""
    behind, ahead = story(1, 2, 3, 4), story(1, 2, 3, 4, name="ahead")
    behind.place, ahead.place = [("e", 3, 0)], [("e", 4, 0)]
    assert any("I5" in line for line in judged(behind, ahead))


def test_killed_sender() -> None:
    """A killed worker may have taken what it accepted last with it."""
    assert judge_stories([story(1, 2, 3)], [sender(1, 2, 3, 4)], (), unsure={1}) == []
