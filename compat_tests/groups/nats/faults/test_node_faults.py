"""Nodes are killed, end and fall silent while actors talk."""

from __future__ import annotations

import pytest

from compat_tests.groups.nats.faults.plots import check, named, nodes
from compat_tests.groups.nats.faults.scene import SHORT


@pytest.mark.parametrize("plot", named(nodes))
def test_plot(plot: str) -> None:
    """Nothing is lost, comes twice or out of order, whatever happens to nodes."""
    check(plot, SHORT)
