"""Collections at a hub that keeps much: what survives a long one is looked at now and then only."""

from __future__ import annotations

import gc

import pytest

from channels_bridge.groups.grpc.hub import frozen_entries
from channels_bridge.groups.grpc.hub.frozen_entries import freezing_entries


@pytest.mark.parametrize("is_long", [True, False])
def test_survivors_of_long_collections(monkeypatch: pytest.MonkeyPatch, is_long: bool) -> None:
    """They are frozen, but not those of short ones; in the end nothing is."""
    monkeypatch.setattr(frozen_entries, "LONG", 0 if is_long else 1000)
    with freezing_entries():
        gc.collect()
        assert bool(gc.get_freeze_count()) == is_long
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gc.get_freeze_count() == 0


def test_garbage_that_was_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage in cycles that was frozen goes after a while."""
    monkeypatch.setattr(frozen_entries, "LONG", 0)
    gone = []

    class Cycle:
        def __del__(self) -> None:
            gone.append(self.name)

    with freezing_entries():
        cycle = Cycle()
        cycle.name, cycle.itself = "cycle", cycle
        gc.collect()
        del cycle
        gc.collect()
        assert gone == []
        monkeypatch.setattr(frozen_entries, "THAW", 0)
        gc.collect()
        assert gone == ["cycle"]
