"""Consumers on the engine, in the test's own loop, with a layer that traces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from channels.consumer import AsyncConsumer

from channels_bridge.groups import aclose_all
from channels_bridge.groups.home import home_loop
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.runloop import consumer_loop, proven_handlers
from compat_tests.default_layer import default_layer
from compat_tests.engine import serve

__all__ = ["serve"]


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What a worker does before it serves. Nobody watches: handlers may be shared."""
    monkeypatch.setattr(AsyncConsumer, "__call__", consumer_loop._call)
    monkeypatch.setattr(proven_handlers, "known", {})
    monkeypatch.setattr(proven_handlers, "is_watched", lambda: False)
    home_loop.claim()
    yield
    await aclose_all()


@pytest.fixture
def use() -> Iterator[Any]:
    """Makes the default layer, with a tracer."""
    with default_layer() as set_layer:

        def make(tracer: str, **options: Any) -> LocalChannelLayer:
            layer = LocalChannelLayer(trace_context=tracer, **options)
            set_layer(layer)
            return layer

        yield make
