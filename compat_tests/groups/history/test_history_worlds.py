"""Random worlds: whatever fails, members get all of their groups once and in order, or are told.

FUZZ_EXAMPLES says how many worlds are tried of each kind, FUZZ_SEED with which they begin.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from compat_tests.groups.history.worlds import World

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "16"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
#: So that a failure names few worlds, and a run of many isn't a list of many.
BLOCK = 25
BLOCKS = range(FIRST, FIRST + EXAMPLES, BLOCK)


@pytest.mark.parametrize("first", BLOCKS)
def test_everything_is_kept(first: int) -> None:
    """Where bounds are wide and the journal survives, nobody is told that anything is missing."""
    live_in_all(first, is_bounded=False, is_lossy=False)


@pytest.mark.parametrize("first", BLOCKS)
def test_the_journal_is_lost(first: int) -> None:
    """Where the journal's end or all of it is lost, it is told, and only then."""
    live_in_all(first, is_bounded=False, is_lossy=True)


@pytest.mark.parametrize("first", BLOCKS)
def test_little_is_kept(first: int) -> None:
    """Where clients are away for longer than the bounds, or too slow for them, it is told."""
    live_in_all(first, is_bounded=True, is_lossy=False)


@pytest.mark.parametrize("first", BLOCKS)
def test_little_is_kept_and_the_journal_is_lost(first: int) -> None:
    """And so it is if all of that comes together."""
    live_in_all(first, is_bounded=True, is_lossy=True)


def live_in_all(first: int, *, is_bounded: bool, is_lossy: bool) -> None:
    """Live in a block of worlds. Much of what history is for has to happen in them."""
    total: Counter[str] = Counter()
    seeds = range(first, min(first + BLOCK, FIRST + EXAMPLES))
    for seed in seeds:
        total.update(live_in(seed, is_bounded=is_bounded, is_lossy=is_lossy))
    expected = ["recovered", "frames", "kill_hub", "kill_worker", "cut_off_worker", "lose_client"]
    if is_bounded or is_lossy:
        expected.append("gaps")
    for name in expected:
        assert total[name] >= len(seeds), (name, total)


def live_in(seed: int, *, is_bounded: bool, is_lossy: bool) -> Counter[str]:
    """Live in one world. Returns what happened in it."""
    world = World(seed, is_bounded=is_bounded, is_lossy=is_lossy)
    try:
        world.live()
    except Exception as error:
        kind = f"is_bounded={is_bounded}, is_lossy={is_lossy}"
        raise AssertionError(f"World({seed}, {kind}): {error!r}") from error
    for client in world.clients:
        world.happened.update(gaps=client.gaps, frames=client.frames, recovered=client.recovered)
    return world.happened
