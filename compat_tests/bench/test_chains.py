"""The measurement of what is remembered of other processes works."""

from __future__ import annotations

from compat_tests.bench.chains import measure


def test_chains() -> None:
    """Both figures are there, and are no more than a few KiB."""
    heard, spoken = measure(groups=2_000, senders=3)
    assert 0 < heard < 8192
    assert 0 < spoken < 8192
