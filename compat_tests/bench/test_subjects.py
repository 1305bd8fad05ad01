"""The measurement of subjects on NATS works, and prints what it found."""

from __future__ import annotations

import pytest

from compat_tests.bench.subjects import COLUMNS, measure, table


@pytest.mark.parametrize("nodes", [1, 3])
async def test_subjects(nodes: int) -> None:
    """Few subjects on each arrangement: all are served, and again once a node has died."""
    figures = await measure(nodes, connections=3, listeners=2, subjects=300)
    assert 0 < figures.in_force <= figures.everywhere
    assert figures.healed > 0
    cells = table([figures]).splitlines()[-1].split(" | ")
    assert len(cells) == len(COLUMNS)
    assert cells[1:3] == ["300", "2 of 3"]
