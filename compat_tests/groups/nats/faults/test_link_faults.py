"""Links between nodes break while actors talk, or right after they did."""

from __future__ import annotations

import pytest

from compat_tests.groups.nats.faults.plots import check, links, named
from compat_tests.groups.nats.faults.scene import SHORT


@pytest.mark.parametrize("plot", named(links))
def test_plot(plot: str) -> None:
    """Nothing is lost, comes twice or out of order, though no client sees the cut."""
    check(plot, SHORT)
