"""Without history: nothing of it is on the way of a message."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_bridge.groups.following.following_membership import FollowingMembership
from channels_bridge.groups.following.following_node import FollowingNode
from channels_bridge.groups.following.threadsafe_following_node import ThreadsafeFollowingNode
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.local_transport import LocalTransport
from channels_bridge.groups.membership import Membership
from channels_bridge.groups.node import Node
from channels_bridge.groups.threadsafe_node import ThreadsafeNode
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
from channels_bridge.runloop import consumer_loop
from channels_bridge.runloop.consumer_loop import _Run
from compat_tests.default_layer import default_layer
from compat_tests.engine import serve

__all__ = ["serve"]

HISTORY: dict[str, Any] = {"history": {"chat.*": {}}}
PRESENCE: dict[str, Any] = {"presence": {"chat.*": {}}}


async def test_classes() -> None:
    """A layer without history has the classes that know nothing of it."""
    outside = LocalChannelLayer()._node()
    assert type(outside) is ThreadsafeNode
    home_loop.claim()
    layer = LocalChannelLayer()
    await layer.new_channel()
    node = layer._node()
    assert type(node) is Node
    assert type(node._membership) is Membership
    assert type(node._transport) is LocalTransport
    await layer.close()


@pytest.mark.parametrize("config", [HISTORY, PRESENCE])
async def test_classes_with_history(config: dict[str, Any]) -> None:
    """One with history, or presence, has others."""
    assert type(GrpcChannelLayer(**config)._node()) is ThreadsafeFollowingNode
    home_loop.claim()
    layer = LocalChannelLayer(**config)
    await layer.new_channel()
    assert type(layer._node()) is FollowingNode
    assert type(layer._node()._membership) is FollowingMembership
    await layer.close()


def test_nothing_is_imported() -> None:
    """A process without history does not even load the code."""
    code = (
        "import asyncio, sys\n"
        "from django.conf import settings; settings.configure()\n"
        "from channels_bridge.layers import LocalChannelLayer\n"
        "layer = LocalChannelLayer()\n"
        "asyncio.run(layer.group_send('a', {'type': 'x'}))\n"
        "print([name for name in sys.modules if '.following' in name or 'chronicle' in name])"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert loaded.strip() == "[]"


class Room(AsyncWebsocketConsumer):
    """Says that it is there."""

    async def connect(self) -> None:
        await self.accept()
        await self.send(text_data="here")


@pytest.fixture
def use() -> Iterator[Any]:
    """Sets the default layer."""
    with default_layer() as set_layer:
        yield set_layer


@pytest.mark.parametrize(("config", "loop"), [({}, "_serve_inbox"), (HISTORY, "_serve_followed")])
async def test_run_loop(
    serve: Any,
    use: Any,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, Any],
    loop: str,
) -> None:
    """A consumer without history is served by the loop that looks at the inbox alone."""
    monkeypatch.setattr(AsyncConsumer, "__call__", consumer_loop._call)
    home_loop.claim()
    layer = LocalChannelLayer(**config)
    use(layer)
    taken = []

    def record(run: Any, serve: Any) -> Any:
        taken.append(getattr(serve, "func", serve).__name__)
        return start(run, serve)

    start = _Run._start
    monkeypatch.setattr(_Run, "_start", record)
    engine = await serve(Room.as_asgi())
    async with engine.connect() as websocket:
        assert await websocket.recv() == "here"
    await engine.idle()
    assert taken == [loop]
    await layer.close()
