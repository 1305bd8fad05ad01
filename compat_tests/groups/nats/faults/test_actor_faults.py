"""Those who talk and listen stop, are slow, are killed, or leave at once."""

from __future__ import annotations

import pytest

from compat_tests.groups.nats.faults.plots import actors, check, named
from compat_tests.groups.nats.faults.scene import SHORT


@pytest.mark.parametrize("plot", named(actors))
def test_plot(plot: str) -> None:
    """Nothing comes twice or out of order; what is lost in the end was declared."""
    check(plot, SHORT)
