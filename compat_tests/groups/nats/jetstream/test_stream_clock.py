"""What time it is in a stream, whatever the clocks of this host show."""

from __future__ import annotations

import pytest

from channels_bridge.groups.nats.jetstream.stream_clock import StreamClock, read_stamp


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("2026-11-29T01:16:58.123456789Z", 1795915018.123456789),
    ],
)
def test_stamps(stamp: str, seconds: float) -> None:
    """Times have as many digits as they need, or none."""
    assert read_stamp(stamp) == seconds


def test_middle_of_the_round_trip() -> None:
    """The stream has said its time between question and answer."""
    clock = StreamClock()
    clock.note("1970-01-01T00:01:40Z", 10.0, 10.2)
    assert clock.at(10.1) == pytest.approx(100)
    assert clock.at(11.1) == pytest.approx(101)


def test_quickest_answer_is_trusted() -> None:
    """An answer that was long on its way says less than one before it."""
    clock = StreamClock()
    clock.note("1970-01-01T00:01:40Z", 10.0, 10.01)
    clock.note("1970-01-01T00:01:49Z", 11.0, 13.0)
    assert clock.at(10.005) == pytest.approx(100)


def test_old_answers_are_replaced() -> None:
    """Clocks drift apart, so a slower answer counts in the end."""
    clock = StreamClock()
    clock.note("1970-01-01T00:01:40Z", 10.0, 10.0)
    clock.note("1970-01-01T00:03:21Z", 110.0, 110.01)
    assert clock.at(110.005) == pytest.approx(201)


def test_new_leader() -> None:
    """After a change of the leader the next answer counts, however slow it is."""
    clock = StreamClock()
    clock.note("1970-01-01T00:01:40Z", 10.0, 10.0)
    clock.reset()
    clock.note("1970-01-01T00:01:49Z", 11.0, 13.0)
    assert clock.at(12.0) == pytest.approx(109)


def test_age() -> None:
    """It is known how long ago it was set."""
    clock = StreamClock()
    assert clock.is_older(60, 0.0)
    clock.note("1970-01-01T00:01:40Z", 10.0, 10.0)
    assert not clock.is_older(60, 70.0)
    assert clock.is_older(60, 70.1)
