"""Random worlds: whatever fails, messages arrive in order and once, or are declared lost.

FUZZ_EXAMPLES says how many worlds are tried of each kind.
"""

from __future__ import annotations

import os

import pytest

from compat_tests.groups.reliable.worlds import World

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
#: So that a failure names few worlds, and a run of many isn't a list of many.
BLOCK = 50


@pytest.mark.parametrize("first", range(0, EXAMPLES, BLOCK))
def test_within_the_bounds(first: int) -> None:
    """Nothing is lost while failures are short."""
    for seed in range(first, min(first + BLOCK, EXAMPLES)):
        live_in(seed, is_harsh=False)


@pytest.mark.parametrize("first", range(0, EXAMPLES, BLOCK))
def test_past_the_bounds(first: int) -> None:
    """What is lost is declared, and no more than that where its number is known."""
    for seed in range(first, min(first + BLOCK, EXAMPLES)):
        live_in(seed, is_harsh=True)


def live_in(seed: int, is_harsh: bool) -> None:
    """Live in a world, and check what arrived in it."""
    world = World(seed, is_harsh)
    try:
        world.live()
        world.check()
    except Exception as error:
        raise AssertionError(f"World({seed}, {is_harsh}): {error!r}") from error


def test_worlds_are_bad_enough() -> None:
    """Much of what the layer is for happens in them."""
    total: dict[str, float] = {}
    for seed in range(40):
        world = World(seed, is_harsh=seed % 2 == 0)
        world.live()
        for process in world.all:
            for name, value in vars(process.topics.statistics).items():
                total[name] = total.get(name, 0) + value
    for name in ("gaps", "recovered", "missed", "marks", "duplicates", "late_joins"):
        assert total[name] > 20, name
    assert total["unreadable"] == 0
