"""Handlers of every kind run in the trace that their message was sent in, and nothing else does."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.test import AsyncRequestFactory

from channels_bridge.consumers import BaseConsumer
from channels_bridge.event_stream import event_stream
from channels_bridge.groups import GroupMessage, shared_frame
from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.websocket import WebSocket
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.runloop.db_housekeeping import housekeeping
from compat_tests.engine import DEADLINE, until
from compat_tests.event_stream.event_source import EventSource
from compat_tests.resume.speaking import Speaker
from compat_tests.tracing.recorder import RECORDER, current

pytestmark = pytest.mark.usefixtures("worker")

HERE = __name__


class Room(AsyncWebsocketConsumer):
    """Says in which trace its handlers run, and what they get."""

    groups = ["room"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(f"received in {current.get()!r}")

    async def room_said(self, event):
        assert json.loads(json.dumps(event)) == {"type": "room.said", "text": event["text"]}
        await asyncio.sleep(0)
        await self.send(f"{event['text']} in {current.get()!r}")

    async def room_fail(self, event):
        raise RuntimeError("as told")

    async def room_stop(self, event):
        raise StopConsumer


class SyncRoom(WebsocketConsumer):
    """The same in a thread."""

    groups = ["room"]

    def receive(self, text_data=None, bytes_data=None):
        self.send(f"received in {current.get()!r}")

    def room_said(self, event):
        self.send(f"{event['text']} in {current.get()!r}")

    def room_fail(self, event):
        raise RuntimeError("as told")


class OwnDispatch(Room):
    """One that takes part in how its messages are dispatched."""

    async def dispatch(self, message):
        await super().dispatch(message)


class SyncOwnDispatch(SyncRoom):
    """The same in a thread."""

    @database_sync_to_async
    def dispatch(self, message):
        getattr(self, message["type"].replace(".", "_"))(message)


class NativeRoom(BaseConsumer):
    """One without Channels' classes."""

    async def connect(self):
        await get_channel_layer().group_add("room", self)

    async def receive(self, text_data):
        await self.send(f"received in {current.get()!r}")

    async def room_said(self, event: GroupMessage):
        await self.send(f"{event.params['text']} in {current.get()!r}")


async def native(scope, receive, send):
    """Serve the last one."""
    await receive()
    async with open_inbox(scope, receive) as inbox:
        await NativeRoom.as_handler()(WebSocket(scope, inbox, send))


async def wrapped(scope, receive, send):
    """Serve the first one behind a middleware that sees each event, as those for traces do."""

    async def seeing():
        return await receive()

    async def sending(message):
        await send(message)

    await Room.as_asgi()(scope, seeing, sending)


APPLICATIONS = {
    "asynchronous": Room.as_asgi(),
    "synchronous": SyncRoom.as_asgi(),
    "own dispatch": OwnDispatch.as_asgi(),
    "own synchronous dispatch": SyncOwnDispatch.as_asgi(),
    "native": native,
    "wrapped": wrapped,
}

applications = pytest.mark.parametrize("name", APPLICATIONS)


async def say(*texts, type="room.said"):
    for text in texts:
        await get_channel_layer().group_send("room", {"type": type, "text": text})


async def heard(websocket, count=1):
    return [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(count)]


async def idle(*websockets):
    """Wait until consumers have joined their groups, and wait for what comes."""
    for websocket in websockets:
        await websocket.send("")
        await heard(websocket)
    await asyncio.sleep(0)


@applications
@pytest.mark.parametrize("history", [{}, {"room": {}}])
async def test_each_handler_has_its_trace(serve, use, name, history):
    """So does each of several in a row; what the client sends has none."""
    layer = use(RECORDER, history=history)
    engine = await serve(APPLICATIONS[name])
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await say("first", "second")
        for websocket in (one, two):
            assert await heard(websocket, 2) == ["first in '1'", "second in '2'"]
            await websocket.send("hi")
            assert await heard(websocket) == ["received in ''"]
    await engine.idle()
    handled = [(about.handler.rpartition(".")[2], about) for about, _ in layer.tracer.handled]
    assert [name for name, _ in handled] == ["room_said"] * 4
    about = handled[0][1]
    assert about.handler.startswith(f"{HERE}.")
    assert (about.destination, about.message_type) == ("room", "room.said")
    assert not about.is_shared and not about.is_replay
    assert layer.tracer.is_open == 0


@pytest.mark.parametrize("room", [Room, SyncRoom])
async def test_errors_belong_to_the_trace(serve, use, room, caplog):
    """What a handler raises passes through its trace, and ends its consumer as ever."""
    layer = use(RECORDER)
    engine = await serve(room.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await say("x", type="room.fail")
        await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
        assert websocket.close_code == 1011
    await engine.idle()
    (error,) = layer.tracer.errors
    assert str(error) == "as told" and "as told" in caplog.text
    assert layer.tracer.handled[0][0].handler == f"{HERE}.{room.__name__}.room_fail"


async def test_stopping_is_no_error_of_the_server(serve, use):
    """StopConsumer reaches the run loop."""
    use(RECORDER)
    engine = await serve(Room.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await say("x", type="room.stop")
        await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
        assert websocket.close_code == 1000


class Proven(AsyncWebsocketConsumer):
    """The tutorial's: its handler does nothing but send what it makes of the message."""

    groups = ["room"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.send("")

    async def room_said(self, event):
        await self.send(text_data=json.dumps({"text": event["text"]}))


class Marked(Proven):
    """One whose author says so; it may look where it is."""

    @shared_frame
    @classmethod
    def room_said(cls, event):
        traces.append(current.get())
        return json.dumps({"text": event["text"]})


class Failing(Proven):
    """One whose shared handler fails."""

    @shared_frame
    @classmethod
    def room_said(cls, event):
        raise RuntimeError("as told")


traces: list[str] = []


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No database connection needs a handler to run."""
    monkeypatch.setattr(type(housekeeping), "is_due_anywhere", lambda self: False)
    traces.clear()


@pytest.mark.parametrize("history", [{}, {"room": {}}])
@pytest.mark.parametrize("room", [Proven, Marked])
async def test_shared_handlers_have_one_span(serve, use, room, history):
    """A handler that runs once for all members of a process is traced once, as one that does."""
    layer = use(RECORDER, history=history)
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await until(lambda: layer.group_sizes() == {"room": 2})
        await say("a", "b")
        for websocket in (one, two):
            assert await heard(websocket, 2) == ['{"text": "a"}', '{"text": "b"}']
    about = [about for about, _ in layer.tracer.handled]
    assert [each.is_shared for each in about] == [True, True]
    assert {each.handler for each in about} == {f"{HERE}.{room.__name__}.room_said"}
    assert traces == (["1", "2"] if room is Marked else [])


async def test_shared_handlers_that_fail(serve, use):
    """Each member's own meets the error, in the trace."""
    layer = use(RECORDER)
    engine = await serve(Failing.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await say("a")
        for websocket in (one, two):
            await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
    await engine.idle()
    assert [about.is_shared for about, _ in layer.tracer.handled] == [True, False, False]
    assert [str(error) for error in layer.tracer.errors] == ["as told"] * 2


@pytest.mark.parametrize("room", [Proven, Marked])
async def test_tracers_that_fail(serve, use, room, monkeypatch, caplog):
    """A tracer's own error is one of the consumers, and the sender has sent."""
    layer = use(RECORDER)
    engine = await serve(room.as_asgi())
    async with engine.connect() as one:
        await idle(one)
        monkeypatch.setattr(layer.tracer, "handling", None)
        await say("a")
        await asyncio.wait_for(one.wait_closed(), DEADLINE)
        assert one.close_code == 1011
    await engine.idle()
    assert "NoneType" in caplog.text


@pytest.mark.parametrize("room", [Room, SyncRoom, Proven])
async def test_replays_say_that_they_are(serve, use, room):
    """What a client gets that comes back belongs to the trace it was sent in, and is told apart."""
    layer = use(RECORDER, history={"room": {}})
    engine = await serve(Negotiation(room.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    await say("live")
    (live,) = await speaker.frames(1)
    speaker.websocket.transport.abort()
    await speaker.websocket.wait_closed()
    await engine.idle()
    await say("missed")
    await speaker.connect()
    (missed,) = await speaker.frames(1)
    await speaker.websocket.close()
    assert [about.is_replay for about, _ in layer.tracer.handled] == [False, True]
    assert [headers["trace"] for _, headers in layer.tracer.handled] == ["1", "2"]
    assert {about.destination for about, _ in layer.tracer.handled} == {"room"}
    if room is not Proven:
        assert [live, missed] == ["live in '1'", "missed in '2'"]


@pytest.mark.parametrize("history", [{}, {"room": {}}])
async def test_event_streams(use, history):
    """What renders a stream's messages runs in their traces, too."""
    layer = use(RECORDER, history=history)

    async def render(message: dict[str, Any]) -> str:
        return f"{message['text']} in {current.get()!r}"

    def render_at_once(message: dict[str, Any]) -> str:
        return f"{message['text']} in {current.get()!r}"

    for number, function in enumerate([render, render_at_once], 1):
        source = EventSource()
        response: Any = event_stream(AsyncRequestFactory().get("/"), ["room"], function)
        async with aclosing(aiter(response)) as parts:
            for _ in range(2):  # the opening, and that it is a member
                source.feed(await asyncio.wait_for(anext(parts), DEADLINE))
            await say("news")
            while not source.events:
                source.feed(await asyncio.wait_for(anext(parts), DEADLINE))
        assert [data for _, data in source.events] == [f"news in '{number}'"]
        await asyncio.to_thread(response.close)
        about = layer.tracer.handled[-1][0]
        assert about.handler == f"{function.__module__}.{function.__qualname__}"


async def test_communicators(use):
    """Where consumers run as Channels runs them, their handlers can open the trace themselves."""
    layer = use(RECORDER)
    communicator = WebsocketCommunicator(Room.as_asgi(), "/")
    assert (await communicator.connect())[0]
    await say("first")
    assert await communicator.receive_from() == "first in ''"
    await communicator.disconnect()
    assert layer.tracer.handled == []
