"""Overflow: messages that are dropped because somebody doesn't keep up."""

from __future__ import annotations

import logging

import pytest

from channels_bridge.common.rate_limited_log import INTERVAL
from channels_bridge.groups import overflow
from channels_bridge.groups.overflow import Overload


@pytest.fixture
def clock(monkeypatch):
    """The time, which tests set."""
    times = [0.0]
    monkeypatch.setattr(overflow.time, "monotonic", lambda: times[0])
    return times


def test_lines_are_few_and_name_who_is_slow(clock, caplog):
    """One line in ten seconds: first an INFO line, and where it goes on a WARNING with a name."""
    caplog.set_level(logging.INFO, "channels_bridge.groups")
    dropped = Overload()
    for second in range(3 * int(INTERVAL)):
        clock[0] = float(second)
        dropped.note("room", ["slow"], members=7)
    assert dropped.dropped == 30
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "1 of 7 channels over capacity in group room"),
        ("WARNING", "channel slow is full: 10 messages to groups dropped since the last such line"),
        ("WARNING", "channel slow is full: 10 messages to groups dropped since the last such line"),
    ]


def test_a_new_episode_begins_with_info(clock, caplog):
    """What was over long ago is not held against anybody."""
    caplog.set_level(logging.INFO, "channels_bridge.groups")
    dropped = Overload()
    for now in (0.0, 2 * INTERVAL):
        clock[0] = now
        dropped.note("room", ["slow"], members=7)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
