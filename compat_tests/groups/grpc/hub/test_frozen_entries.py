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
    survivor: list[object] = []
    with freezing_entries():
        gc.collect()
        assert is_frozen(survivor) == is_long
    assert not is_frozen(survivor)
    gc.collect()
    assert not is_frozen(survivor)


def is_frozen(tracked: object) -> bool:
    """Whether collections leave an object out, which ``gc.get_objects()`` does, too.

    Not by ``gc.get_freeze_count()``: Python 3.12 counts its own immortal objects as well.
    """
    return all(each is not tracked for each in gc.get_objects())


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
