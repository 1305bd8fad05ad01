"""Attendance: who is listed, who is told, and what is bounded."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from channels_bridge.groups.presence.attendance import Attendance, News
from channels_bridge.groups.presence.roll import RollChange, Terms
from channels_bridge.groups.presence.roll_replica import RollReplica
from compat_tests.groups.presence.roll_worlds import World

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
TERMS = Terms(linger=10, limit=2, queue="presence", capacity=100, expiry=60)


@pytest.mark.parametrize("limit", [0, 3, 100])
def test_the_truth(limit: int) -> None:
    """Whatever happens, listed is who has a connection or had one a moment ago, and all know it."""
    for seed in range(EXAMPLES // 2):
        live_in(seed, limit)


def live_in(seed: int, limit: int) -> None:
    """Live in a world, and check it again and again."""
    world = World(seed, limit)
    try:
        for number in range(150):
            world.step()
            world.check()
            if number % 10 == 0:
                world.settle()
                world.check_watchers()
    except Exception as error:
        raise AssertionError(f"World({seed}, {limit}): {error!r}") from error


Break = Callable[[pytest.MonkeyPatch], None]


def no_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes is gone at once."""
    depart = Attendance._depart
    monkeypatch.setattr(
        Attendance, "_depart", lambda self, topic, *rest: depart(self, topic, *rest[:-1], -99.0)
    )


def returns_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has come back leaves nevertheless."""
    let_go = Attendance._let_go

    def forget(self: Attendance[object], topic: str, key: str, now: float) -> None:
        self._topics[topic].keys[key].owners.clear()
        let_go(self, topic, key, now)

    monkeypatch.setattr(Attendance, "_let_go", forget)


def limit_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who were told a number are told a difference to it."""
    monkeypatch.setattr(RollChange, "is_counted", property(lambda self: False))


def gone_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole roll doesn't take the place of what was known."""
    apply = RollReplica.apply

    def keep(self: RollReplica, change: RollChange, now: float) -> RollChange | None:
        came = change.came
        whole = {**self.here(now), **came} if change.is_whole else came
        changed = RollChange(change.version, change.is_whole, whole, change.gone, change.count)
        return apply(self, changed, now)

    monkeypatch.setattr(RollReplica, "apply", keep)


@pytest.mark.parametrize(
    "mutate", [no_linger, returns_are_forgotten, limit_is_forgotten, gone_stay]
)
def test_the_worlds_find_faults(mutate: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these faults would be seen."""
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(EXAMPLES // 2):
            live_in(seed, 3)


@pytest.fixture
def news() -> list[News]:
    """What was said to the queue."""
    return []


@pytest.fixture
def attendance(news: list[News]) -> Attendance[str]:
    """With room for three."""
    return Attendance(news.append, max_keys=3)


def test_a_return_within_the_linger(attendance: Attendance[str], news: list[News]) -> None:
    """Somebody who moves from one process to another never leaves, and has been there all along."""
    attendance.enter("one", "topic", "ann", b"", TERMS, 0)
    attendance.leave("one", "topic", "ann", 5)
    attendance.pass_time(14.9)
    attendance.enter("two", "topic", "ann", b"", TERMS, 14.9)
    attendance.pass_time(100)
    assert attendance.roll("topic", 100)["ann"].since == 100
    assert [item.has_come for item in news] == [True]


def test_changes_go_out_together(attendance: Attendance[str]) -> None:
    """The first at once, what follows within a second together, and to all who watch."""
    attendance.watch("one", "topic", 0)
    attendance.watch("two", "topic", 0)
    attendance.enter("one", "topic", "ann", b"", TERMS, 0)
    (first,) = attendance.pass_time(0)
    assert set(first.watchers) == {"one", "two"}
    assert (first.change.version, list(first.change.came)) == (1, ["ann"])
    attendance.enter("one", "topic", "bob", b"", TERMS, 0.1)
    attendance.leave("one", "topic", "ann", 0.2)
    assert attendance.pass_time(0.9) == []
    (second,) = attendance.pass_time(1)
    assert (second.change.version, set(second.change.came)) == (2, {"bob", "ann"})
    assert second.change.came["ann"].connections == 0  # it lingers


def test_a_crowd_is_counted(attendance: Attendance[str]) -> None:
    """Over the limit only the number is told, and all of them when there are few again."""
    attendance.watch("one", "topic", 0)
    for key in ("ann", "bob", "cleo"):
        attendance.enter("one", "topic", key, b"", TERMS, 0)
    (crowd,) = attendance.pass_time(0)
    assert crowd.change == RollChange(1, True, {}, (), 3)
    assert crowd.change.is_counted
    attendance.leave("one", "topic", "ann", 1)
    (few,) = attendance.pass_time(20)
    assert few.change.is_whole and set(few.change.came) == {"bob", "cleo"}


def test_one_who_comes_to_a_crowd_that_is_about_to_go(attendance: Attendance[str]) -> None:
    """Who was told a number is told all, though others were told keys before."""
    attendance.watch("one", "topic", 0)
    attendance.enter("one", "topic", "ann", b"", TERMS, 0)
    attendance.enter("one", "topic", "bob", b"", TERMS, 0)
    attendance.pass_time(0)
    attendance.enter("one", "topic", "cleo", b"", Terms(linger=0, limit=2), 0.1)
    assert attendance.watch("two", "topic", 0.2).is_counted
    attendance.leave("one", "topic", "cleo", 0.3)
    (telling,) = attendance.pass_time(5)
    assert telling.change.is_whole and set(telling.change.came) == {"ann", "bob"}


def test_no_more_than_there_is_room_for(attendance: Attendance[str]) -> None:
    """Whoever comes then isn't listed; those who are may say more, and leave room."""
    for number in range(3):
        assert attendance.enter("one", f"topic{number}", "ann", b"", TERMS, 0)
    assert not attendance.enter("one", "topic0", "bob", b"", TERMS, 0)
    assert attendance.enter("two", "topic0", "ann", b"1", TERMS, 0)
    attendance.leave("one", "topic1", "ann", 0)
    attendance.pass_time(11)
    assert attendance.keys == 2
    assert attendance.enter("one", "topic0", "bob", b"", TERMS, 11)


def test_nothing_is_left(attendance: Attendance[str]) -> None:
    """Topics without keys and watchers take no memory, nor do those who have ended."""
    attendance.watch("two", "topic", 0)
    attendance.enter("one", "topic", "ann", b"", TERMS, 0)
    attendance.forget("one", 1)
    attendance.forget("two", 2)
    attendance.pass_time(100)
    for memory in ("_topics", "_owned", "_watched", "_departures", "_changed"):
        assert not getattr(attendance, memory), memory
    assert attendance.keys == 0


def test_expected_keys(attendance: Attendance[str], news: list[News]) -> None:
    """Who was listed before has the linger to come, and their coming is no news."""
    attendance.expect("topic", "ann", b"", TERMS, 0)
    attendance.expect("topic", "bob", b"", TERMS, 0)
    attendance.enter("one", "topic", "ann", b"", TERMS, 9, is_known=True)
    assert set(attendance.roll("topic", 9)) == {"ann", "bob"}
    attendance.pass_time(11)
    assert set(attendance.roll("topic", 11)) == {"ann"}
    assert [(item.key, item.has_come) for item in news] == [("bob", False)]


def test_flapping_takes_no_memory(attendance: Attendance[str]) -> None:
    """However often a key comes and goes, one departure is planned."""
    for number in range(1000):
        attendance.enter("one", "topic", "ann", b"", TERMS, number / 100)
        attendance.leave("one", "topic", "ann", number / 100)
    assert len(attendance._departures) == 1
