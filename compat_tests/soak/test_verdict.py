"""What counts as grown, and what does not."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("picows", reason="the generator's clients need the extra bench")

from channels_bridge.bench.generator.ledger import Counts
from compat_tests.soak.gauges import is_at_rest
from compat_tests.soak.load import ROOMS, ROUND, TURN, Plan
from compat_tests.soak.rooms import MEMBERS
from compat_tests.soak.verdict import BOUNDS, MIB, judge, missed

LEAKS = dict.fromkeys(BOUNDS, 1) | {"rss": 100_000, "pss": 100_000}


def readings(values, figure="rss", process="worker-0"):
    return [{process: {figure: value}, "hub-0": {"rss": 40 * MIB}} for value in values]


def faults(values, figure="rss"):
    return [str(growth) for growth in judge(readings(values, figure)) if not growth.is_good]


def test_flat():
    """Processes that hold the same all the time are fine, and each of their figures is shown."""
    growths = judge(readings([40 * MIB] * 20))
    assert all(growth.is_good for growth in growths)
    assert [str(growth) for growth in growths] == [
        "worker-0 rss: 40.0 MiB -> 40.0 MiB, grown by 0.0 MiB",
        "hub-0 rss: 40.0 MiB -> 40.0 MiB, grown by 0.0 MiB",
    ]


@pytest.mark.parametrize("figure", BOUNDS)
def test_leak(figure):
    """What grows a little in each round is found, and named with its process."""
    values = [1000 + LEAKS[figure] * number for number in range(100)]
    (fault,) = faults(values, figure)
    assert fault.startswith(f"worker-0 {figure}: ")
    assert "IT GROWS" in fault


@pytest.mark.parametrize("figure", BOUNDS)
def test_bound(figure):
    """What grows by no more than the bound is fine, and by one more is not."""
    grown = BOUNDS[figure]
    assert not faults([0] * 50 + [grown] * 50, figure)
    assert faults([0] * 50 + [grown + 1] * 50, figure)


def test_warm_up():
    """What grows in the first quarter, and not afterwards, is fine."""
    warm_up = [number * MIB for number in range(25)]
    assert not faults([*warm_up, *[25 * MIB] * 75])


def test_late_growth():
    """What begins to grow in the last rounds is found."""
    assert faults([10 * MIB] * 80 + [20 * MIB] * 20)


def test_odd_readings():
    """Single readings that were taken at an odd moment decide nothing."""
    values = [50 * MIB] * 100
    for odd in random.Random(1).sample(range(100), 10):
        values[odd] *= 2
    assert not faults(values)


def test_too_few_readings():
    """From three readings nobody can tell."""
    with pytest.raises(ValueError, match="3 readings are too few"):
        judge(readings([1, 1, 1]))


def test_messages():
    """Lost, duplicated and late messages, and lost connections, are named."""
    assert missed(Counts(expected=10, delivered=10)) == []
    counts = Counts(10, 8, duplicated=3, out_of_order=4, connections_lost=1)
    assert missed(counts) == [
        "1 connections lost",
        "2 messages lost",
        "3 messages duplicated",
        "4 messages out of order",
    ]


@pytest.mark.parametrize(
    "held", ["connections", "groups", "members", "inbox_depth", "unsent_bytes", "unacknowledged"]
)
def test_rest(held):
    """A worker that holds something for clients that are gone is not at rest."""
    gauges = dict.fromkeys(["connections", "groups", "members", "inbox_depth", "unsent_bytes"], 0)
    worker = {"fresh": True, **gauges, "hub": {"unacknowledged": 0}}
    assert is_at_rest(worker)
    assert not is_at_rest({**worker, "fresh": False})
    place = worker if held in worker else worker["hub"]
    place[held] = 1
    assert not is_at_rest(worker)


@pytest.mark.parametrize(("connections", "messages"), [(5_000, 50_000), (100_000, 1_000_000)])
def test_plan(connections, messages):
    """A run has as many connections and messages as asked for, or a few more."""
    plan = Plan.of(connections, messages)
    assert connections <= plan.rounds * ROUND < connections + ROUND
    assert messages <= plan.rounds * plan.turns * TURN < messages + plan.rounds * TURN
    assert TURN == ROOMS * MEMBERS**2
