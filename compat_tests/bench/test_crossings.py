"""The measurement of crossings works, and prints what it found."""

from __future__ import annotations

import pytest

from compat_tests.bench import crossings
from compat_tests.groups.nats.nats_servers import NatsCluster


def test_crossings(nats_cluster: NatsCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages cross to another process, in batches, and none is lost."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "compat_tests.settings")
    monkeypatch.setattr(crossings, "WARMUP", 0.1)
    figures = crossings.measure(nats_cluster, crossings.Case(receivers=1, groups=10, batch=4), 0.3)
    assert figures.lost == 0
    assert min(figures.sender, figures.nodes, figures.receiver) >= 0
    cells = crossings.table([figures]).splitlines()[-1].split(" | ")
    assert len(cells) == len(crossings.HEADING)
