"""Consumers whose clients speak the protocol, on the engine in the test's own loop."""

from __future__ import annotations

import pytest
from channels.consumer import AsyncConsumer

from channels_bridge.groups import aclose_all
from channels_bridge.groups.home import home_loop
from channels_bridge.runloop import consumer_loop
from compat_tests.engine import serve

__all__ = ["serve"]


@pytest.fixture
async def worker(monkeypatch):
    """What a worker does before it serves."""
    monkeypatch.setattr(AsyncConsumer, "__call__", consumer_loop._call)
    home_loop.claim()
    yield
    await aclose_all()
