"""Brokers that tests of the benchmark need."""

from __future__ import annotations

import os

import pytest

from channels_bridge.bench.stacks.brokers import Broker


def require(broker: Broker | None) -> Broker:
    """The broker; without it the test is skipped, and fails in CI."""
    assert broker is not None
    if broker.find() is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{broker.program} is not installed")
    return broker
