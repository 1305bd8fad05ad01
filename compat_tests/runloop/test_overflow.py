"""Consumers that don't keep up with their groups, and what each ``overflow`` does about it."""

from __future__ import annotations

import asyncio

import pytest
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncWebsocketConsumer
from websockets.exceptions import ConnectionClosed

from channels_bridge.layers import LocalChannelLayer
from compat_tests.default_layer import default_layer
from compat_tests.engine import DEADLINE
from compat_tests.server.websocket.test_write_timeout import stalled_client


class Room(AsyncWebsocketConsumer):
    """Passes on what comes to its group; at ``busy``, it is busy until ``go``."""

    groups = ["room"]

    async def connect(self):
        await self.accept()
        Shared.opened.release()

    async def message(self, event):
        await self.send(text_data=event["text"])

    async def busy(self, event):
        Shared.name = self.channel_name
        Shared.started.set()
        await Shared.go.wait()


class Shared:
    """What consumers and tests tell each other."""

    name: str
    opened: asyncio.Semaphore
    started: asyncio.Event
    go: asyncio.Event


@pytest.fixture(autouse=True)
def fresh():
    Shared.started, Shared.go = asyncio.Event(), asyncio.Event()
    Shared.opened = asyncio.Semaphore(0)


@pytest.fixture
def make_layer():
    """Make the default layer of the test."""
    with default_layer() as use:

        def make(**config):
            layer = LocalChannelLayer(**config)
            use(layer)
            return layer

        yield make


def texts(*words):
    return [{"type": "message", "text": word} for word in words]


async def overflow(layer):
    """Fill the inbox of a busy consumer that has room for two, and add a third message."""
    await layer.group_send("room", {"type": "busy"})
    await asyncio.wait_for(Shared.started.wait(), DEADLINE)
    for message in texts("one", "two", "three"):
        await layer.group_send("room", message)
    with pytest.raises(ChannelFull):
        await layer.send(Shared.name, texts("four")[0])


@pytest.mark.parametrize(
    ("policy", "received"), [("drop_newest", ["one", "two"]), ("drop_oldest", ["two", "three"])]
)
async def test_dropping(serve, make_layer, policy, received):
    """A full consumer keeps the messages that came first, as in Channels, or the last ones."""
    layer = make_layer(capacity=2, overflow=policy)
    engine = await serve(Room.as_asgi())
    async with engine.connect() as websocket:
        await overflow(layer)
        Shared.go.set()
        assert [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in received] == received
    await engine.idle()
    assert layer.messages_dropped == 1
    assert engine.context.counters.cut_off == {}


async def test_closing(serve, make_layer, caplog):
    """A full consumer's connection is closed with 1013, counted and logged."""
    layer = make_layer(capacity=2, overflow="close")
    engine = await serve(Room.as_asgi())
    async with engine.connect("/chat/") as websocket:
        await overflow(layer)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(websocket.recv(), DEADLINE)
        Shared.go.set()
    await engine.idle()
    assert closed.value.rcvd.code == 1013
    assert engine.context.counters.cut_off == {"inbox_full": 1}
    assert engine.context.counters.closed == {1013: 1}
    assert layer.messages_dropped == 1
    assert "is cut off: messages come too fast" in caplog.text


async def test_a_client_that_does_not_read(serve, make_layer):
    """A member whose client reads nothing misses messages; the others get every one."""
    layer = make_layer(capacity=10)
    engine = await serve(Room.as_asgi(), write_timeout=0)
    sock = await stalled_client(engine)
    async with engine.connect(max_size=None) as websocket:
        for _ in range(2):
            await asyncio.wait_for(Shared.opened.acquire(), DEADLINE)
        count = 0
        while not layer.messages_dropped:
            text = f"{count} " + "x" * 500_000
            await layer.group_send("room", *texts(text))
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == text
            count += 1
        assert layer.messages_dropped == 1
    sock.close()
