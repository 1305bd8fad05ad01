"""The same worlds with the hub's exchange and the clients of processes, as they speak over gRPC.

FUZZ_EXAMPLES says how many worlds are tried of each kind, FUZZ_SEED with which they begin.
"""

from __future__ import annotations

import asyncio
import logging
import os

import pytest

from channels_bridge.groups.grpc import log_codec, outbox
from channels_bridge.groups.grpc.hub.sequencer import Sequencer
from compat_tests.groups.history.grpc_worlds import GrpcWorld
from compat_tests.groups.sessions import Clock, set_clock

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
#: How many worlds of each kind may be needed to show that a rule is missing.
PATIENCE = 40

KINDS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    """The clock of hubs and processes; their batches are small here, and logs come in parts."""
    monkeypatch.setattr(outbox, "BATCH_SIZE", 200)
    monkeypatch.setattr(log_codec, "PART_SIZE", 50)
    # They say much of what befalls them.
    caplog.set_level(logging.CRITICAL, "channels_bridge.groups")
    return set_clock(monkeypatch)


@pytest.mark.parametrize(("is_bounded", "is_lossy"), KINDS)
def test_grpc_worlds(clock: Clock, is_bounded: bool, is_lossy: bool) -> None:
    """Whatever fails, members get all of their groups once and in order, or are told."""
    for seed in range(FIRST, FIRST + EXAMPLES):
        live_in(seed, clock, is_bounded=is_bounded, is_lossy=is_lossy)


def live_in(seed: int, clock: Clock, *, is_bounded: bool, is_lossy: bool) -> None:
    """Live in one world."""

    async def live() -> None:  # outboxes have timers, which nobody waits for here
        GrpcWorld(seed, clock=clock, is_bounded=is_bounded, is_lossy=is_lossy).live()

    try:
        asyncio.run(live())
    except Exception as error:
        kind = f"is_bounded={is_bounded}, is_lossy={is_lossy}"
        raise AssertionError(f"GrpcWorld({seed}, {kind}): {error!r}") from error


def with_numbers_last(patch: pytest.MonkeyPatch) -> None:
    """A sender is told the numbers of its own messages in their place among the others."""
    tell, settle = Sequencer._tell_numbers, Sequencer.settle

    def settle_and_tell(sequencer: Sequencer) -> None:
        patch.setattr(Sequencer, "_tell_numbers", tell)
        settle(sequencer)
        patch.setattr(Sequencer, "_tell_numbers", lambda *arguments: None)

    patch.setattr(Sequencer, "_tell_numbers", lambda *arguments: None)
    patch.setattr(Sequencer, "settle", settle_and_tell)


def test_numbers_have_their_place(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were senders told the numbers of their own messages last, a world would go wrong."""
    with_numbers_last(monkeypatch)
    with pytest.raises(AssertionError, match="GrpcWorld") as caught:
        for seed in range(PATIENCE):
            for is_bounded, is_lossy in KINDS:
                live_in(seed, clock, is_bounded=is_bounded, is_lossy=is_lossy)
    assert isinstance(caught.value.__cause__, AssertionError)  # and not an error of the mutation
