"""Consumers of groups with history: who is slow catches up, and misses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage, shared_frame
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.websocket import WebSocket
from compat_tests.default_layer import default_layer
from compat_tests.engine import DEADLINE, Engine, until

Serve = Callable[..., Awaitable[Engine]]

HISTORY = {
    "room": {"messages": 500, "except": ["typing"]},
    "other": {"messages": 500},
    "brief": {"messages": 3},
}
GROUPS = [*HISTORY, "plain"]


class Shared:
    """What consumers and tests tell each other."""

    busy: threading.Event
    go: threading.Event


class Room(AsyncWebsocketConsumer):
    """Passes on what comes to its groups; at ``hold`` it is busy until it may go on."""

    groups = GROUPS

    async def message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["message"])

    typing = message

    async def hold(self, event: dict[str, Any]) -> None:
        Shared.busy.set()
        await until(Shared.go.is_set)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=f"echo {text_data}")


class SyncRoom(WebsocketConsumer):
    """The same in a thread."""

    groups = GROUPS

    def message(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["message"])

    def hold(self, event: dict[str, Any]) -> None:
        Shared.busy.set()
        assert Shared.go.wait(DEADLINE)


class SharedRoom(Room):
    """One whose members are all sent the same frames."""

    @shared_frame
    @classmethod
    def message(cls, event: dict[str, Any]) -> str:
        return str(event["message"])


class NativeRoom(BaseConsumer):
    """One without Channels' classes."""

    async def connect(self) -> None:
        for group in GROUPS:
            await get_channel_layer().group_add(group, self)

    async def message(self, event: GroupMessage) -> None:
        await self.websocket.send(event.message)

    async def hold(self, event: GroupMessage) -> None:
        Shared.busy.set()
        await until(Shared.go.is_set)


async def native(scope: Any, receive: Any, send: Any) -> None:
    """Serve the last one."""
    await receive()
    async with open_inbox(scope, receive) as inbox:
        await NativeRoom.as_handler()(WebSocket(scope, inbox, send))


async def wrapped(scope: Any, receive: Any, send: Any) -> None:
    """Serve the first one behind a middleware that sees each socket event, as those of traces."""

    async def seeing() -> Any:
        return await receive()

    await Room.as_asgi()(scope, seeing, send)


applications = pytest.mark.parametrize(
    "application", [Room.as_asgi(), SyncRoom.as_asgi(), SharedRoom.as_asgi(), native, wrapped]
)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Shared.busy, Shared.go = threading.Event(), threading.Event()
    yield
    Shared.go.set()


@pytest.fixture
def layer() -> Iterator[LocalChannelLayer]:
    """The default layer: each consumer has room for two messages."""
    made = LocalChannelLayer(capacity=2, history=HISTORY)
    with default_layer() as use:
        use(made)
        yield made


async def send(group: str, *texts: str, type: str = "message") -> None:
    for text in texts:
        await get_channel_layer().group_send(group, GroupMessage(type, text))


async def hold(websocket: Any) -> None:
    """Have the consumer be busy."""
    await asyncio.wait_for(await websocket.ping(), DEADLINE)
    await send("other", "", type="hold")
    await until(Shared.busy.is_set)


async def received(websocket: Any, count: int) -> list[str]:
    return [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(count)]


def texts(*numbers: int) -> list[str]:
    return [str(number) for number in range(*numbers)]


def behind(layer: LocalChannelLayer) -> int:
    history = layer.statistics().history
    assert history is not None
    return history.behind


@applications
async def test_full_consumer_misses_nothing(
    serve: Serve, layer: LocalChannelLayer, application: Any
) -> None:
    """Who has no room for more catches up, in order over all its groups, and is live again."""
    engine = await serve(application)
    async with engine.connect() as websocket:
        await hold(websocket)
        for number in range(200):
            await send(["room", "other"][number % 3 == 0], str(number))
        assert behind(layer) == 1
        Shared.go.set()
        assert await received(websocket, 200) == texts(200)
        await until(lambda: not behind(layer))
        await send("room", "live")
        await send("plain", "plain")
        assert await received(websocket, 2) == ["live", "plain"]
    await engine.idle()
    assert layer.messages_dropped == 0


@applications
async def test_other_messages_are_as_ever(
    serve: Serve, layer: LocalChannelLayer, application: Any
) -> None:
    """What goes to other groups, and what isn't kept, is dropped if there is no room, and counted;
    it doesn't stand in the way of what is kept.
    """
    engine = await serve(application)
    async with engine.connect() as websocket:
        await hold(websocket)
        await send("plain", *texts(10))
        await send("room", *texts(10, 20))
        if application is not native:  # it has no such handler
            await send("room", "typing", type="typing")
        Shared.go.set()
        assert await received(websocket, 12) == [*texts(2), *texts(10, 20)]
        await send("room", "live")
        assert await received(websocket, 1) == ["live"]
    await engine.idle()
    assert layer.messages_dropped == 8 + (application is not native)


@applications
async def test_far_behind(serve: Serve, layer: LocalChannelLayer, application: Any) -> None:
    """Who is further behind than what is kept goes on with the oldest of it, and it is counted."""
    engine = await serve(application)
    async with engine.connect() as websocket:
        await hold(websocket)
        await send("brief", *texts(10))
        Shared.go.set()
        assert await received(websocket, 5) == [*texts(2), *texts(7, 10)]
    await engine.idle()
    history = layer.statistics().history
    assert history is not None
    assert (history.gaps, history.lost, history.behind) == (1, 5, 0)


@pytest.mark.parametrize("application", [Room.as_asgi(), wrapped])
async def test_clients_that_send_do_not_keep_it_from_catching_up(
    serve: Serve, layer: LocalChannelLayer, application: Any
) -> None:
    """While it catches up, it goes on to answer its client, and the other way round."""
    engine = await serve(application)
    async with engine.connect() as websocket:
        await hold(websocket)
        await send("room", *texts(300))
        sending = asyncio.create_task(_send_all(websocket, 300))
        Shared.go.set()
        both = await received(websocket, 600)
        await sending
    assert [text for text in both if "echo" not in text] == texts(300)
    assert [text for text in both if "echo" in text] == [f"echo {text}" for text in texts(300)]


async def _send_all(websocket: Any, count: int) -> None:
    for text in texts(count):
        await websocket.send(text)


@applications
async def test_leaving_while_behind(
    serve: Serve, layer: LocalChannelLayer, application: Any
) -> None:
    """A client that leaves meanwhile ends its consumer, and nothing of it is left."""
    engine = await serve(application)
    async with engine.connect() as websocket:
        await hold(websocket)
        await send("room", *texts(50))
    Shared.go.set()
    await engine.idle()
    assert behind(layer) == 0
    assert layer.group_sizes() == {}


async def test_faulty_handler_while_behind(serve: Serve, layer: LocalChannelLayer) -> None:
    """An exception closes the connection with 1011 as ever; others in the group go on."""

    class Faulty(Room):
        async def message(self, event: dict[str, Any]) -> None:
            if event["message"] == "30":
                raise RuntimeError("a fault of the handler")

    faulty, sound = await serve(Faulty.as_asgi()), await serve(Room.as_asgi())
    async with sound.connect() as other, faulty.connect() as websocket:
        await asyncio.wait_for(await other.ping(), DEADLINE)
        await hold(websocket)
        await send("room", *texts(50))
        Shared.go.set()
        await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
        assert websocket.close_code == 1011
        assert await received(other, 50) == texts(50)
    await faulty.idle()
    assert behind(layer) == 0


async def test_many_behind(serve: Serve, layer: LocalChannelLayer) -> None:
    """All of a crowd catch up, while somebody who is live is served."""
    engine = await serve(Room.as_asgi())
    crowd = [await engine.connect() for _ in range(30)]
    for websocket in crowd:
        await asyncio.wait_for(await websocket.ping(), DEADLINE)
    await send("other", "", type="hold")
    await until(Shared.busy.is_set)
    await send("room", *texts(40))
    assert behind(layer) == 30
    Shared.go.set()
    async with engine.connect() as live:
        await live.send("hello")
        assert "echo hello" in await received(live, 1)
        for websocket in crowd:
            assert await received(websocket, 40) == texts(40)
            await websocket.close()
    await engine.idle()
