"""One fault of each kind, for a short time. All of them, for longer: ``nox -s faults``."""

from __future__ import annotations

import pytest

from compat_tests.groups.nats.faults.plots import check
from compat_tests.groups.nats.faults.scene import SHORT

#: A node ends and others go on; the only one ends; a link is cut and nothing follows that would
#: show it; those who listen stop for longer than senders remember; a sender leaves at once.
PLOTS = (
    "node-killed-in-turn",
    "only-node-killed",
    "links-cut-after-a-burst",
    "listener-stopped-for-too-long",
    "command-ends-at-once",
)


@pytest.mark.parametrize("plot", PLOTS)
def test_plot(plot: str) -> None:
    """What is lost, twice or out of order is what the layer promises: nothing, or declared."""
    check(plot, SHORT)
