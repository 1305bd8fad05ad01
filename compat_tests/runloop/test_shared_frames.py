"""Handlers marked with ``shared_frame``: they run once per process here, elsewhere as ever."""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.testing import WebsocketCommunicator
from websockets.exceptions import ConnectionClosed

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage, shared_frame
from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.websocket import WebSocket
from compat_tests.engine import DEADLINE


class Shared:
    """The handlers of all consumers here; each call of one is noted in the message's list."""

    groups = ["room"]

    @shared_frame
    @classmethod
    def room_news(cls, event):
        calls.append((cls.__name__, event["text"]))
        return json.dumps({"text": event["text"]})

    @shared_frame
    @staticmethod
    def room_data(event):
        return event["data"]

    @shared_frame
    @classmethod
    def room_fault(cls, event):
        raise RuntimeError("a fault of the handler")

    @shared_frame
    @classmethod
    def room_number(cls, event):
        return event["number"]

    @shared_frame
    @classmethod
    def room_surrogate(cls, event):
        return "\ud800"


class AsyncRoom(Shared, AsyncWebsocketConsumer):
    """Waits in one handler until the test lets go; in another one it sends by itself."""

    async def room_wait(self, event):
        waiting.release()
        await go.wait()

    async def room_own(self, event):
        await self.send(text_data=event["text"])


class SyncRoom(Shared, WebsocketConsumer):
    pass


class NativeRoom(BaseConsumer):
    """A native consumer whose frame is made once for all members."""

    async def connect(self):
        await get_channel_layer().group_add("room", self)

    @shared_frame
    @classmethod
    def room_news(cls, event):
        return event.message


calls: list[tuple[str, str]] = []
go: asyncio.Event
waiting: asyncio.Semaphore

rooms = pytest.mark.parametrize("room", [AsyncRoom, SyncRoom])


@pytest.fixture(autouse=True)
def fresh():
    """Forget what other tests have noted."""
    global go, waiting
    calls.clear()
    go, waiting = asyncio.Event(), asyncio.Semaphore(0)


async def send(type, **message):
    await get_channel_layer().group_send("room", {"type": type, **message})


async def received(websocket, count):
    return [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(count)]


async def idle(*websockets):
    """Wait until the consumers have nothing to do: they have answered the handshake, and wait."""
    for websocket in websockets:
        await asyncio.wait_for(await websocket.ping(), DEADLINE)


@rooms
async def test_handler_runs_once_for_all_members(serve, room):
    """Every member is sent the same frame, which was made once for each message, in order."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two, engine.connect() as three:
        await idle(one, two, three)
        for number in range(20):
            await send("room.news", text=str(number))
        for websocket in (one, two, three):
            texts = [json.loads(text)["text"] for text in await received(websocket, 20)]
            assert texts == [str(number) for number in range(20)]
    assert calls == [(room.__name__, str(number)) for number in range(20)]


async def test_each_class_makes_its_own_frame(serve):
    """Consumers of two classes in one group are each sent what their own class makes."""
    one, two = await serve(AsyncRoom.as_asgi()), await serve(SyncRoom.as_asgi())
    async with one.connect() as first, two.connect() as second:
        await idle(first, second)
        await send("room.news", text="hello")
        assert await received(first, 1) == await received(second, 1) == ['{"text": "hello"}']
    assert sorted(calls) == [("AsyncRoom", "hello"), ("SyncRoom", "hello")]


async def test_busy_member_gets_its_messages_in_order(serve):
    """A shared frame doesn't overtake what a member has still to do; others don't wait for it."""
    engine = await serve(AsyncRoom.as_asgi())
    async with engine.connect() as busy:
        await idle(busy)
        await send("room.wait")
        await asyncio.wait_for(waiting.acquire(), DEADLINE)
        await send("room.own", text="first")
        async with engine.connect() as other:
            await idle(other)
            await send("room.news", text="second")
            await send("room.own", text="third")
            assert await received(other, 2) == ['{"text": "second"}', "third"]
            go.set()
            assert await received(busy, 3) == ["first", '{"text": "second"}', "third"]
    assert len(calls) == 1


async def test_binary_data_and_nothing_can_be_shared(serve):
    """Bytes are sent as a binary message; for None, nothing is."""
    engine = await serve(AsyncRoom.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.data", data=b"\x00\xff")
        await send("room.data", data=None)
        await send("room.data", data="text")
        assert await received(websocket, 2) == [b"\x00\xff", "text"]


@rooms
@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "room.fault"}, "a fault of the handler"),
        ({"type": "room.number", "number": 5}, "returned int: a shared frame is str or bytes"),
        ({"type": "room.surrogate"}, "surrogates not allowed"),
    ],
)
async def test_failing_handler_fails_in_each_member(serve, room, message, error, caplog):
    """A fault closes the members with 1011, each logs it, and the sender isn't concerned."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await get_channel_layer().group_send("room", message)
        for websocket in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await received(websocket, 1)
            assert closed.value.rcvd.code == 1011
    await engine.idle()
    errors = [record for record in caplog.records if record.exc_info]
    assert len(errors) == 2
    assert all(error in str(record.exc_info[1]) for record in errors)


async def test_message_to_one_channel_is_like_any_other(serve):
    """What is sent to a channel, not to a group, calls the handler for that consumer."""
    names = []

    class Named(AsyncRoom):
        async def connect(self):
            names.append(self.channel_name)
            await self.accept()

    engine = await serve(Named.as_asgi())
    async with engine.connect() as websocket:
        await get_channel_layer().send(names[0], {"type": "room.news", "text": "hello"})
        assert await received(websocket, 1) == ['{"text": "hello"}']


async def test_middleware_sees_what_is_shared(serve):
    """Where a middleware replaced ``send``, each frame passes through it."""
    seen = []

    def middleware(application):
        async def wrapped(scope, receive, send):
            async def noting(message):
                seen.append(message["type"])
                await send(message)

            await application(scope, receive, noting)

        return wrapped

    engine = await serve(middleware(AsyncRoom.as_asgi()))
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="hello")
        assert await received(websocket, 1) == ['{"text": "hello"}']
    assert seen == ["websocket.accept", "websocket.send"]


@rooms
async def test_plain_channels_runs_it_for_each_member(room):
    """Code with shared handlers is portable: on Channels' own parts each member calls them."""
    before = channel_layers.set("default", InMemoryChannelLayer())
    try:
        communicators = [WebsocketCommunicator(room.as_asgi(), "/") for _ in range(2)]
        for communicator in communicators:
            assert (await communicator.connect())[0]
        await send("room.news", text="hello")
        for communicator in communicators:
            assert await communicator.receive_from(DEADLINE) == '{"text": "hello"}'
            await communicator.disconnect()
    finally:
        channel_layers.set("default", before)
    assert len(calls) == 2


async def test_native_consumers_take_it(serve):
    """On the native surface the handler gets a GroupMessage."""
    handler = NativeRoom.as_handler()

    async def application(scope, receive, send):
        async with open_inbox(scope, receive) as inbox:
            websocket = WebSocket(scope, inbox, send)
            await websocket.next_event()
            await handler(websocket)

    engine = await serve(application)
    async with engine.connect() as websocket:
        await get_channel_layer().group_send("room", GroupMessage("room.news", message="hello"))
        assert await received(websocket, 1) == ["hello"]


def with_self(self, event): ...


async def asynchronous(cls, event): ...


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        (with_self, "shared_frame can't share with_self, which takes self: put @class"),
        (classmethod(asynchronous), "can't wait for asynchronous: make it a plain def"),
        (staticmethod(asynchronous), "can't wait for asynchronous: make it a plain def"),
    ],
)
def test_what_cannot_be_shared_is_refused(method, advice):
    """A handler with ``self``, or one that awaits, is an error where the class is defined."""
    with pytest.raises(TypeError, match=advice):
        shared_frame(method)
