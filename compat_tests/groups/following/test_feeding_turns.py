"""Turns of members that are behind."""

from __future__ import annotations

import asyncio

from channels_bridge.groups.following.feeding_turns import TURNS, FeedingTurns


class Sleeper:
    """Counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


async def test_few_in_each_round() -> None:
    """In one round of the loop a few members have a turn; the others are woken in their order."""
    turns = FeedingTurns()
    crowd = [Sleeper() for _ in range(2 * TURNS + 1)]
    assert [turns.claim(sleeper) for sleeper in crowd] == [True] * TURNS + [False] * (TURNS + 1)
    assert not turns.claim(crowd[0])  # it is behind the others now
    await asyncio.sleep(0)
    assert [sleeper.woken for sleeper in crowd] == [0] * TURNS + [1] * TURNS + [0]
    assert turns.claim(crowd[TURNS])
    await asyncio.sleep(0)
    assert (crowd[-1].woken, crowd[0].woken) == (1, 1)
    assert turns.claim(crowd[-1])
    assert turns.claim(crowd[0])


async def test_who_waits_goes_before_who_comes() -> None:
    """A member that comes later doesn't take a turn from those that wait."""
    turns = FeedingTurns()
    first = [Sleeper() for _ in range(TURNS)]
    waiting = [Sleeper() for _ in range(2 * TURNS)]
    for sleeper in [*first, *waiting]:
        turns.claim(sleeper)
    await asyncio.sleep(0)
    assert not turns.claim(Sleeper())
    turns.close()


async def test_who_has_gone_is_forgotten() -> None:
    """A member that leaves is not woken, and its turn goes to another."""
    turns = FeedingTurns()
    crowd = [Sleeper() for _ in range(TURNS + 2)]
    for sleeper in crowd:
        turns.claim(sleeper)
    turns.forget(crowd[-2])
    await asyncio.sleep(0)
    assert [sleeper.woken for sleeper in crowd[-2:]] == [0, 1]
    turns.forget(crowd[-1])
    turns.close()
    assert not turns._waiting
    assert not turns._granted
