"""Handlers that nobody has marked, and that are the same for every member: they run for none."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import weakref
from unittest import mock

import pytest
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import get_channel_layer
from websockets.exceptions import ConnectionClosed

from channels_bridge.layers import LocalChannelLayer
from channels_bridge.project.handler_report import report_handlers
from channels_bridge.runloop import consumer_loop, db_housekeeping, proven_handlers
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from compat_tests.default_layer import default_layer
from compat_tests.engine import DEADLINE, until

BUSY, GO = "room.wait", "go"


class Text(AsyncWebsocketConsumer):
    """The tutorial's consumer; one handler waits until the test lets go."""

    groups = ["room"]

    async def connect(self):
        members.append(self)
        await self.accept()

    async def room_news(self, event):
        text = event["text"]
        await self.send(text_data=json.dumps({"text": text}))

    async def room_data(self, event):
        await self.send(bytes_data=event["data"])

    async def room_own(self, event):
        await self.send(text_data=f"{event['text']} for {self.channel_name[:0]}me")

    async def room_wait(self, event):
        waiting.release()
        await go.wait()


class Json(AsyncJsonWebsocketConsumer):
    """The same with what encodes for itself."""

    groups = ["room"]
    connect = Text.connect
    room_own = Text.room_own
    room_wait = Text.room_wait
    room_data = Text.room_data

    async def room_news(self, event):
        await self.send_json({"text": event["text"]})


class SyncText(WebsocketConsumer):
    """Both of them in a thread."""

    groups = ["room"]

    def connect(self):
        members.append(self)
        self.accept()

    def room_news(self, event):
        self.send(text_data=json.dumps({"text": event["text"]}))

    def room_data(self, event):
        self.send(bytes_data=event["data"])

    def room_own(self, event):
        self.send(text_data=f"{event['text']} for {self.channel_name[:0]}me")


class SyncJson(JsonWebsocketConsumer):
    """See above."""

    groups = ["room"]
    connect = SyncText.connect
    room_own = SyncText.room_own
    room_data = SyncText.room_data

    def room_news(self, event):
        self.send_json({"text": event["text"]})


TEXTS = ["plain", 'q"uote\\', "\x00\u2028", "é€𝄞", "<b>", "x" * 70_000, ""]

members: list = []
called: list[str] = []
go: asyncio.Event
waiting: asyncio.Semaphore

rooms = pytest.mark.parametrize("room", [Text, Json, SyncText, SyncJson])


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Note which messages a consumer's own handler is looked up for; nobody watches otherwise."""
    global go, waiting
    go, waiting = asyncio.Event(), asyncio.Semaphore(0)
    members.clear()
    called.clear()
    find = consumer_loop._handler

    def note(consumer, message):
        called.append(message["type"])
        return find(consumer, message)

    monkeypatch.setattr(consumer_loop, "_handler", note)
    monkeypatch.setattr(proven_handlers, "known", {})
    monkeypatch.setattr(proven_handlers, "is_watched", lambda: False)


def calls():
    """How many handlers of group messages have run."""
    return sum(type.startswith("room.") for type in called)


async def send(type, **message):
    await get_channel_layer().group_send("room", {"type": type, **message})


async def received(websocket, count=1):
    return [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(count)]


async def idle(*websockets):
    """Wait until all is read, and the consumers wait: those in threads, too."""
    for websocket in websockets:
        await asyncio.wait_for(await websocket.ping(), DEADLINE)
    await until(lambda: all(inbox_of(member).is_idle() for member in members))


def inbox_of(member):
    return member.scope["extensions"][EXTENSION]["connection"].inbox


@rooms
async def test_runs_for_no_member(serve, room):
    """Members are sent what the handler makes, in order, and their consumers sleep on."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        for number in range(20):
            await send("room.news", text=f"№ {number}")
        for websocket in (one, two):
            texts = [json.loads(text)["text"] for text in await received(websocket, 20)]
            assert texts == [f"№ {number}" for number in range(20)]
        assert calls() == 0


@rooms
async def test_sends_the_same_as_each_member_would(serve, room, monkeypatch):
    """Byte for byte and in the same order, between messages whose handlers do run."""
    engine = await serve(room.as_asgi())
    heard = {}
    for is_on in (False, True):
        monkeypatch.setattr(proven_handlers, "is_on", is_on)
        members.clear()
        async with engine.connect() as one, engine.connect() as two:
            await idle(one, two)
            for text in TEXTS:
                await send("room.news", text=text)
                await send("room.data", data=text.encode())
                await send("room.own", text=text)
                await send("room.news", text=text)
            count = 4 * len(TEXTS)
            heard[is_on] = [await received(websocket, count) for websocket in (one, two)]
    assert heard[True] == heard[False]
    assert heard[True][0] == heard[True][1]
    # In the first round every one; in the second those that found their consumer busy.
    assert called.count("room.data") < 4 * len(TEXTS)


@pytest.mark.parametrize("room", [Text, Json])
async def test_busy_member_gets_its_messages_in_order(serve, room):
    """Who has something to do has its own handler run when it comes to it; others don't wait."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as busy:
        await idle(busy)
        await send("room.wait")
        await asyncio.wait_for(waiting.acquire(), DEADLINE)
        await send("room.own", text="first")
        async with engine.connect() as other:
            members.pop(0)
            await idle(other)
            await send("room.news", text="second")
            await send("room.own", text="third")
            assert await received(other, 2) == ['{"text": "second"}', "third for me"]
            go.set()
            expected = ["first for me", '{"text": "second"}', "third for me"]
            assert await received(busy, 3) == expected
    assert called.count("room.news") == 1


def patch_handler():
    def instead(self, event):
        return self.send(text_data="patched")

    return mock.patch.object(Text, "room_news", instead)


def patch_send():
    def instead(self, text_data=None, bytes_data=None, close=False):
        return AsyncWebsocketConsumer.send(self, text_data="patched")

    return mock.patch.object(Text, "send", instead)


def patch_upstream_send():
    async def instead(self, text_data=None, bytes_data=None, close=False):
        await self.base_send({"type": "websocket.send", "text": "patched"})

    return mock.patch.object(AsyncWebsocketConsumer, "send", instead)


def patch_json():
    return mock.patch("json.dumps", lambda content: "patched")


PATCHES = [patch_handler, patch_send, patch_upstream_send, patch_json]


@pytest.mark.parametrize("patch", PATCHES)
async def test_what_is_patched_in_the_class_is_noticed(serve, patch):
    """From the next message on each member runs what is there now, and afterwards none does."""
    engine = await serve(Text.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await send("room.news", text="before")
        with patch():
            await send("room.news", text="between")
            for websocket in (one, two):
                assert await received(websocket, 2) == ['{"text": "before"}', "patched"]
        assert calls() == 2
        await idle(one, two)
        await send("room.news", text="after")
        for websocket in (one, two):
            assert await received(websocket) == ['{"text": "after"}']
        assert calls() == 2


async def text_instead(text_data):
    await members[0].base_send({"type": "websocket.send", "text": "own"})


async def event_instead(event):
    await text_instead("")


def base_instead(message):
    return base({"type": "websocket.send", "text": "own"})


@pytest.mark.parametrize(
    ("name", "instead"),
    [("send", text_instead), ("room_news", event_instead), ("base_send", base_instead)],
)
async def test_what_one_consumer_has_is_noticed(serve, name, instead):
    """A member with an attribute of its own runs its own handler; the others run none."""
    global base
    engine = await serve(Text.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        base = members[0].base_send
        setattr(members[0], name, instead)
        await send("room.news", text="x")
        assert await received(one) == ["own"]
        assert await received(two) == ['{"text": "x"}']
        assert calls() == 1
        if name != "base_send":
            delattr(members[0], name)
            await idle(one)
            await send("room.news", text="y")
            assert await received(one) == ['{"text": "y"}']
            assert calls() == 1


@pytest.mark.parametrize(
    ("name", "instead"), [("send_json", event_instead), ("encode_json", event_instead)]
)
async def test_what_one_json_consumer_has_is_noticed(serve, name, instead):
    """So it is with what ``send_json`` uses."""
    engine = await serve(Json.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        setattr(members[0], name, mock.AsyncMock(side_effect=["own"]))
        await send("room.news", text="x")
        assert await received(two) == ['{"text": "x"}']
        await idle(one)
        assert calls() == 1
        getattr(members[0], name).assert_awaited_once_with({"text": "x"})


async def test_another_class_is_noticed(serve):
    """A consumer that has become one of another class is handled as that."""

    class Other(Text):
        async def room_news(self, event):
            await self.send(text_data="other")

    engine = await serve(Text.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        members[0].__class__ = Other
        await send("room.news", text="x")
        assert await received(one) == ["other"]
        assert await received(two) == ['{"text": "x"}']


@pytest.mark.parametrize("watch", ["settrace", "setprofile"])
async def test_handlers_run_where_somebody_watches(serve, watch, monkeypatch):
    """A debugger's breakpoint is reached, and coverage counts each line."""
    monkeypatch.undo()
    before = getattr(sys, watch.replace("set", "get"))()
    engine = await serve(Text.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        seen = []

        def note(frame, event, argument):
            if event == "call" and frame.f_code is Text.room_news.__code__:
                seen.append(frame)

        getattr(sys, watch)(note)
        try:
            await send("room.news", text="x")
            for websocket in (one, two):
                assert await received(websocket) == ['{"text": "x"}']
        finally:
            getattr(sys, watch)(before)
        assert len(set(seen)) == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_monitoring_is_watching(monkeypatch):
    """Tools of ``sys.monitoring``, as newer debuggers and coverage are, count."""
    monkeypatch.undo()
    watched = proven_handlers.is_watched()
    sys.monitoring.use_tool_id(4, "a test")
    try:
        assert proven_handlers.is_watched()
    finally:
        sys.monitoring.free_tool_id(4)
    assert proven_handlers.is_watched() == watched


class Surrogate(Text):
    """What it sends has no UTF-8 form."""

    async def room_news(self, event):
        await self.send(text_data="\ud800")


@pytest.mark.parametrize(
    ("room", "error"),
    [
        (Text, KeyError),
        (Json, KeyError),
        (SyncText, KeyError),
        (SyncJson, KeyError),
        (Surrogate, UnicodeEncodeError),
    ],
)
async def test_failing_handler_fails_in_each_member(serve, room, error, caplog):
    """A fault closes the members with 1011, each logs it, and the sender isn't concerned."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        await send("room.news")
        for websocket in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await received(websocket)
            assert closed.value.rcvd.code == 1011
    await engine.idle()
    errors = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert errors == [error, error]
    assert calls() == 2


async def test_sent_before_group_send_returns(serve):
    """A member that waits has its message before what a task beside its handlers sends next."""
    engine = await serve(Text.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="x")
        await members[0].send("after")
        assert await received(websocket, 2) == ['{"text": "x"}', "after"]


async def test_message_to_one_channel_is_like_any_other(serve):
    """What is sent to a channel, not to a group, calls the consumer's handler."""
    engine = await serve(Text.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        message = {"type": "room.news", "text": "x"}
        await get_channel_layer().send(members[0].channel_name, message)
        assert await received(websocket) == ['{"text": "x"}']
    assert calls() == 1


async def test_middleware_sees_each_frame(serve):
    """Where a middleware replaced ``send``, handlers run, and people are told of it."""
    seen = []

    async def application(scope, receive, send):
        async def noting(message):
            seen.append(message["type"])
            await send(message)

        await Text.as_asgi()(scope, receive, noting)

    engine = await serve(application)
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="x")
        assert await received(websocket) == ['{"text": "x"}']
    assert seen == ["websocket.accept", "websocket.send"]
    assert all("noting takes part in send()" in row["why"] for row in await report_handlers())


async def test_dispatch_of_its_own(serve):
    """A consumer with another ``dispatch`` is asked for each message."""

    class Room(Text):
        async def dispatch(self, message):
            called.append(f"room.{message['type']}")
            await super().dispatch(message)

    engine = await serve(Room.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="x")
        assert await received(websocket) == ['{"text": "x"}']
    assert "room.room.news" in called


async def test_before_the_connection_is_accepted(serve):
    """A message that comes too early is the error that it is otherwise."""

    class Room(Text):
        async def connect(self):
            """Leave it undecided."""
            waiting.release()

    engine = await serve(Room.as_asgi())
    connecting = asyncio.ensure_future(asyncio.wait_for(engine.connect(), DEADLINE))
    await asyncio.wait_for(waiting.acquire(), DEADLINE)
    await asyncio.sleep(0)
    await send("room.news", text="x")
    with pytest.raises(Exception, match="500"):
        await connecting
    assert calls() == 1


async def test_groups_with_history(serve, history):
    """Who is behind catches up with its own handler, in order, and shares what is live again."""
    engine = await serve(Text.as_asgi())
    async with engine.connect() as busy, engine.connect() as other:
        await idle(busy, other)
        await history.send(members[0].channel_name, {"type": "room.wait"})
        await asyncio.wait_for(waiting.acquire(), DEADLINE)
        for number in range(5):
            await send("room.news", text=number)
        go.set()
        texts = [f'{{"text": {number}}}' for number in range(5)]
        for websocket in (busy, other):
            assert await received(websocket, 5) == texts
        assert called.count("room.news") == 5
        await idle(busy, other)
        await send("room.news", text="live")
        for websocket in (busy, other):
            assert await received(websocket) == ['{"text": "live"}']
        assert called.count("room.news") == 5


@pytest.fixture
def history():
    """The default layer keeps the room's messages; each consumer has room for two."""
    made = LocalChannelLayer(capacity=2, history={"room": {}})
    with default_layer() as use:
        use(made)
        yield made


async def test_setting(serve, monkeypatch):
    """Without the setting each member's handler runs."""
    monkeypatch.setattr(proven_handlers, "is_on", False)
    engine = await serve(Text.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="x")
        assert await received(websocket) == ['{"text": "x"}']
    assert calls() == 1
    assert {row["why"] for row in await report_handlers()} == {
        "the setting WEBSOCKET_SHARED_HANDLERS is False"
    }


async def test_classes_without_number(serve, monkeypatch):
    """Who makes a class for each connection is served as ever, and the classes may go."""
    monkeypatch.setattr(proven_handlers, "MAX_CLASSES", 1)
    proven_handlers.known[Json] = proven_handlers.Handlers(Json)
    engine = await serve(Text.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        await send("room.news", text="x")
        assert await received(websocket) == ['{"text": "x"}']
    assert calls() == 1
    assert list(proven_handlers.known) == [Json]


async def test_looks_after_the_database(serve, monkeypatch):
    """Where a connection may be open, one member's handler runs a second, for the round before."""
    housekeeping = db_housekeeping.Housekeeping()
    monkeypatch.setattr(consumer_loop, "housekeeping", housekeeping)
    monkeypatch.setattr(proven_handlers, "housekeeping", housekeeping)
    engine = await serve(Text.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await idle(one, two)
        housekeeping.force()
        for number in range(3):
            await send("room.news", text=number)
        for websocket in (one, two):
            texts = [json.loads(text)["text"] for text in await received(websocket, 3)]
            assert texts == [0, 1, 2]
        assert not housekeeping.is_due()
        assert 1 <= calls() <= 3


async def test_consumers_that_end_leave_no_cycle(serve):
    """What shares a consumer's messages does not keep it until the garbage is collected."""
    engine = await serve(Text.as_asgi())
    gc.collect()
    gc.disable()
    try:
        async with engine.connect() as websocket:
            await idle(websocket)
            await send("room.news", text="x")
            await received(websocket)
            consumer = weakref.ref(members.pop())
        await engine.idle()
        await until(lambda: consumer() is None)
    finally:
        gc.enable()


async def test_report(serve):
    """People are told of each handler, whether it is shared, and why not."""
    engine = await serve(Text.as_asgi())
    async with engine.connect() as websocket:
        await idle(websocket)
        rows = {row["handler"]: row for row in await report_handlers()}
    assert list(rows) == ["room_data", "room_news", "room_own", "room_wait"]
    assert {row["consumer"] for row in rows.values()} == {f"{__name__}.Text"}
    assert [name for name, row in rows.items() if row["shared"]] == ["room_data", "room_news"]
    assert "self.channel_name" in rows["room_own"]["why"]
    with patch_json():
        assert (
            "has been replaced"
            in {row["handler"]: row for row in await report_handlers()}["room_news"]["why"]
        )
