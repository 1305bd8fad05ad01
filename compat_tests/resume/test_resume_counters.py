"""What is counted of gaps, and what the log has of them."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.resume import resume_counters


def test_gaps_have_few_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each answer is counted; a reason has one line in ten seconds, a warning if it is ours."""
    monkeypatch.setattr(resume_counters, "answers", Counter())
    monkeypatch.setattr(resume_counters, "_notices", Notices(resume_counters.logger))
    caplog.set_level(logging.INFO, "channels_bridge.groups")
    for answer, why in (("new", None), ("ok", None), *[("gap", "expired"), ("gap", "unknown")] * 3):
        resume_counters.note("chat.lobby", answer, why)
    assert resume_counters.answers == {"new": 1, "ok": 1, "gap:expired": 3, "gap:unknown": 3}
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "a client in group chat.lobby misses something: expired"),
        ("WARNING", "a client in group chat.lobby misses something: unknown"),
    ]
