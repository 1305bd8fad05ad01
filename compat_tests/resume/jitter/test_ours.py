"""Clients of this project's server miss nothing, however bad the network and the night are."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("picows", reason="the comparison is made with the extra bench")

from channels_bridge.bench.stacks.sites import sample
from compat_tests.resume.jitter.__main__ import quick
from compat_tests.resume.jitter.contestants import CONTESTANTS, OURS
from compat_tests.resume.jitter.profile import FAULTS
from compat_tests.resume.jitter.trial import attempt


@pytest.mark.timeout(300)  # workers and the hub are started again, one after another
def test_ours(tmp_path: Path) -> None:
    """Nobody misses a message, gets one twice or late, or is told so wrongly, while workers and the
    hub are killed.
    """
    outcome = attempt(CONTESTANTS[OURS], sample(tmp_path), quick(FAULTS), clients=12)
    assert outcome.score.is_perfect, outcome
    assert outcome.score.delivered == 12 * quick(FAULTS).messages
    assert outcome.score.reconnected > 12
    assert outcome.score.caught_up
    assert outcome.killed >= 2
