"""Timers: what is due, and when to look next."""

from __future__ import annotations

from channels_bridge.groups.reliable.due_queue import NEVER, Alarm, DueQueue


def test_takes_what_is_due() -> None:
    """And leaves the rest."""
    queue: DueQueue[str] = DueQueue()
    queue.add(1.0, "a")
    queue.add(2.0, "b")
    assert list(queue.take(1.5)) == ["a"]
    assert queue.next == 2.0


def test_can_be_left_early() -> None:
    """What was not taken is there the next time."""
    queue: DueQueue[str] = DueQueue()
    queue.add(1.0, "a")
    queue.add(1.0, "b")
    assert next(queue.take(1.0)) == "a"
    assert list(queue.take(1.0)) == ["b"]
    assert queue.next == NEVER


def test_what_is_added_meanwhile_waits() -> None:
    """Else something that adds itself again would never end."""
    queue: DueQueue[str] = DueQueue()
    queue.add(1.0, "a")
    for item in queue.take(5.0):
        queue.add(2.0, item)
    assert len(queue) == 1


def test_alarm_takes_the_sooner() -> None:
    """Whoever asks for a later time changes nothing."""
    alarm = Alarm()
    alarm.by(2.0)
    alarm.by(3.0)
    assert alarm.at == 2.0
