"""Unmodified Channels consumers on our run loop: what stays as in Channels, and what is better."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.sessions import SessionMiddlewareStack
from channels.testing import WebsocketCommunicator
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from compat_tests.engine import DEADLINE


class Recorder:
    """What consumers of one test did; given to them as an argument of ``as_asgi()``."""

    def __init__(self):
        self.calls = []
        self.disconnected = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def note(self, *call):
        """Note a call, and wake the test up if it is the last one."""
        self.calls.append(call)
        if call[0] == "disconnect":
            self.loop.call_soon_threadsafe(self.disconnected.set)

    async def finished(self):
        await asyncio.wait_for(self.disconnected.wait(), DEADLINE)
        return self.calls


class Faulty(Exception):
    pass


class AsyncRoom(AsyncWebsocketConsumer):
    """Notes each call of a handler, and raises in the one that is to be faulty."""

    groups = ["room"]

    def __init__(self, recorder, faulty=""):
        super().__init__()
        self.recorder = recorder
        self.faulty = faulty

    def step(self, name, *details):
        """Note a call, and fail if this handler is to be the faulty one."""
        self.recorder.note(name, *details)
        if name == self.faulty:
            raise Faulty(name)

    async def connect(self):
        self.step("connect")
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        self.step("receive", text_data)
        await self.channel_layer.group_send("room", {"type": "room.message", "text": text_data})

    async def room_message(self, event):
        self.step("room_message", event["text"])
        await self.send(text_data=event["text"])

    async def disconnect(self, code):
        self.step("disconnect", code)


class SyncRoom(WebsocketConsumer):
    """The same, synchronous."""

    groups = ["room"]

    def __init__(self, recorder, faulty=""):
        super().__init__()
        self.recorder = recorder
        self.faulty = faulty

    step = AsyncRoom.step

    def connect(self):
        self.step("connect")
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        """Note the text, and send it to the group."""
        self.step("receive", text_data)
        message = {"type": "room.message", "text": text_data}
        async_to_sync(self.channel_layer.group_send)("room", message)

    def room_message(self, event):
        self.step("room_message", event["text"])
        self.send(text_data=event["text"])

    def disconnect(self, code):
        self.step("disconnect", code)


rooms = pytest.mark.parametrize("room", [AsyncRoom, SyncRoom])


async def members():
    """How many channels of this process get what is sent to the group."""
    groups = get_channel_layer()._node()._membership._groups
    return len(groups.get("room", ()))


async def close_code_of(websocket):
    """Read what still comes; returns the code that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(websocket.recv(), DEADLINE)
    return closed.value.rcvd.code


@rooms
async def test_group_messages_reach_every_member(serve, room):
    """A consumer's group message reaches each member once, its own sender too."""
    recorder = Recorder()
    engine = await serve(room.as_asgi(recorder=recorder))
    async with engine.connect() as one, engine.connect() as two:
        for number in range(20):
            await one.send(str(number))
        for websocket in (one, two):
            texts = [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(20)]
            assert texts == [str(number) for number in range(20)]
        assert await members() == 2
    await recorder.finished()


@rooms
@pytest.mark.parametrize(
    ("faulty", "code"),
    [("connect", 1006), ("receive", 1011), ("room_message", 1011), ("disconnect", None)],
)
async def test_disconnect_runs_once_whatever_fails(serve, caplog, room, faulty, code):
    """Whichever handler raises: ``disconnect()`` runs once, the groups are left, the log has it."""
    recorder = Recorder()
    engine = await serve(room.as_asgi(recorder=recorder, faulty=faulty))
    if faulty == "connect":
        with pytest.raises(InvalidStatus) as refused:
            await engine.connect()
        assert refused.value.response.status_code == 500
    else:
        async with engine.connect() as websocket:
            await websocket.send("a")
            if faulty != "disconnect":
                assert await close_code_of(websocket) == code
            else:
                await websocket.recv()
    calls = await recorder.finished()
    await engine.idle()
    assert [call for call in calls if call[0] == "disconnect"] == [("disconnect", code or 1000)]
    assert await members() == 0
    errors = [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [Faulty]


async def test_disconnect_that_fails_after_a_failure(serve, caplog):
    """Where ``disconnect()`` fails too, both tracebacks are in the log and the groups are left."""

    class Room(AsyncRoom):
        async def disconnect(self, code):
            self.recorder.note("disconnect", code)
            raise KeyError("second")

    recorder = Recorder()
    engine = await serve(Room.as_asgi(recorder=recorder, faulty="receive"))
    async with engine.connect() as websocket:
        await websocket.send("a")
        await websocket.wait_closed()
    await engine.idle()
    errors = [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [KeyError, Faulty]
    assert await members() == 0


async def test_a_handler_cut_off_by_the_shutdown(serve):
    """A handler that is cancelled at the deadline of a shutdown is followed by ``disconnect()``."""

    class Room(AsyncRoom):
        async def receive(self, text_data=None, bytes_data=None):
            await self.send("stuck")
            await asyncio.Event().wait()

    recorder = Recorder()
    engine = await serve(Room.as_asgi(recorder=recorder), shutdown_timeout=0.1)
    async with engine.connect() as websocket:
        await websocket.send("a")
        await websocket.recv()
        await engine.stop()
    assert await recorder.finished() == [("connect",), ("disconnect", 1001)]
    assert await members() == 0


@rooms
async def test_deny(serve, room):
    """``DenyConnection`` in ``connect()``: 403, and ``disconnect()`` runs with 1006 as in
    Channels.
    """

    class Denying(room):
        def step(self, name, *details):
            super().step(name, *details)
            if name == "connect":
                raise DenyConnection

    recorder = Recorder()
    engine = await serve(Denying.as_asgi(recorder=recorder))
    with pytest.raises(InvalidStatus) as refused:
        await engine.connect()
    assert refused.value.response.status_code == 403
    assert await recorder.finished() == [("connect",), ("disconnect", 1006)]


async def test_a_denial_that_fails(serve):
    """Where a response of the consumer's own fails midway, ``disconnect()`` gets 1006, an int."""

    class Denying(AsyncRoom):
        async def connect(self):
            start = {"type": "websocket.http.response.start", "status": 418, "headers": []}
            await self.base_send(start)
            raise Faulty("midway")

    recorder = Recorder()
    engine = await serve(Denying.as_asgi(recorder=recorder))
    with pytest.raises((InvalidStatus, InvalidMessage)):
        await engine.connect()
    ((_, code),) = await recorder.finished()
    assert (code, type(code)) == (1006, int)


async def test_one_handler_at_a_time(serve):
    """Socket and group messages of one consumer are handled one after the other, in order."""

    class Room(AsyncRoom):
        busy = False

        async def receive(self, text_data=None, bytes_data=None):
            assert not self.busy
            self.busy = True
            await self.channel_layer.group_send("room", {"type": "room.message", "text": "g"})
            await asyncio.sleep(0.001)
            self.busy = False
            self.step("receive", text_data)

        async def room_message(self, event):
            assert not self.busy
            await super().room_message(event)

    recorder = Recorder()
    engine = await serve(Room.as_asgi(recorder=recorder))
    async with engine.connect() as websocket:
        for number in range(10):
            await websocket.send(str(number))
        for _ in range(10):
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "g"
    calls = await recorder.finished()
    assert [call[1] for call in calls if call[0] == "receive"] == [str(n) for n in range(10)]


async def test_a_dispatch_of_ones_own(serve):
    """A consumer that overrides ``dispatch()`` is dispatched by it."""

    class Room(AsyncRoom):
        async def dispatch(self, message):
            self.recorder.note("dispatch", message["type"])
            await super().dispatch(message)

    recorder = Recorder()
    engine = await serve(Room.as_asgi(recorder=recorder))
    async with engine.connect() as websocket:
        await websocket.send("a")
        await websocket.recv()
    calls = await recorder.finished()
    assert [call[1] for call in calls if call[0] == "dispatch"] == [
        "websocket.connect",
        "websocket.receive",
        "room.message",
        "websocket.disconnect",
    ]


async def test_a_middleware_that_wraps_receive_sees_every_event(serve):
    """An ASGI middleware that wraps ``receive`` gets the events that it wraps."""
    seen = []
    recorder = Recorder()
    room = AsyncRoom.as_asgi(recorder=recorder)

    async def wrapped(scope, receive, send):
        async def recording():
            event = await receive()
            seen.append(event["type"])
            return event

        await room(scope, recording, send)

    engine = await serve(wrapped)
    async with engine.connect() as websocket:
        await websocket.send("a")
        assert await websocket.recv() == "a"
    await recorder.finished()
    assert seen == ["websocket.connect", "websocket.receive", "websocket.disconnect"]


@rooms
@pytest.mark.parametrize("faulty", ["", "receive"])
async def test_another_packages_layer(serve, caplog, room, faulty):
    """A layer that is not ours works under our server, and ``disconnect()`` is certain
    there too.
    """
    ours = channel_layers.set("default", InMemoryChannelLayer())
    try:
        recorder = Recorder()
        engine = await serve(room.as_asgi(recorder=recorder, faulty=faulty))
        async with engine.connect() as websocket:
            await websocket.send("a")
            if faulty:
                await websocket.wait_closed()
            else:
                assert await websocket.recv() == "a"
        code = 1011 if faulty else 1000
        assert (await recorder.finished())[-1] == ("disconnect", code)
        assert not get_channel_layer().groups
    finally:
        channel_layers.set("default", ours)


async def test_no_layer(serve, settings):
    """A project without CHANNEL_LAYERS works as in Channels."""
    settings.CHANNEL_LAYERS = {}
    received = asyncio.Event()

    class Echo(AsyncJsonWebsocketConsumer):
        async def receive_json(self, content, **kwargs):
            assert self.channel_layer is None
            await self.send_json(content)
            received.set()

    engine = await serve(Echo.as_asgi())
    async with engine.connect() as websocket:
        await websocket.send('{"a": 1}')
        assert json.loads(await websocket.recv()) == {"a": 1}
    assert received.is_set()


async def test_unknown_type(serve, caplog):
    """A message without a handler ends the consumer with Channels' own words."""
    recorder = Recorder()
    engine = await serve(AsyncRoom.as_asgi(recorder=recorder))
    async with engine.connect() as websocket:
        await get_channel_layer().group_send("room", {"type": "no.such.handler"})
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
    await engine.idle()
    assert "No handler for message type no.such.handler" in caplog.text


@rooms
async def test_in_a_communicator_consumers_run_as_ever(room):
    """In ``WebsocketCommunicator``, which offers no inbox, the same classes run as in Channels."""
    recorder = Recorder()
    communicator = WebsocketCommunicator(room.as_asgi(recorder=recorder), "/")
    assert await communicator.connect() == (True, None)
    await communicator.send_to(text_data="a")
    assert await communicator.receive_from() == "a"
    await communicator.disconnect()
    assert await recorder.finished() == [
        ("connect",),
        ("receive", "a"),
        ("room_message", "a"),
        ("disconnect", 1000),
    ]


@pytest.mark.django_db(transaction=True)
async def test_session_middleware(serve):
    """Under Channels' session middleware a consumer reads the session and sends as ever."""

    class Room(AsyncRoom):
        async def connect(self):
            assert await sync_to_async(self.scope["session"].get)("missing") is None
            await super().connect()

    recorder = Recorder()
    engine = await serve(SessionMiddlewareStack(Room.as_asgi(recorder=recorder)))
    async with engine.connect() as websocket:
        await websocket.send("a")
        assert await websocket.recv() == "a"
    assert (await recorder.finished())[-1] == ("disconnect", 1000)


async def test_a_patched_layer(serve, monkeypatch):
    """A test that patches where consumers get their layer from has its way."""
    monkeypatch.setattr("channels.consumer.get_channel_layer", lambda alias: None)
    layers = []

    class Bare(AsyncWebsocketConsumer):
        async def connect(self):
            layers.append(self.channel_layer)
            await self.accept()

    engine = await serve(Bare.as_asgi())
    async with engine.connect():
        assert layers == [None]
