"""Shared frames for clients of the protocol: made once, with their headers, in their order."""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_bridge.groups import shared_frame
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.resume.tags import tag_of
from channels_bridge.runloop import consumer_loop, proven_handlers
from channels_bridge.server.websocket import frames
from compat_tests.engine import until
from compat_tests.resume.speaking import Room, Speaker, connection_of, inbox_of

pytestmark = pytest.mark.usefixtures("worker")

TAG = tag_of("room")


class Shared:
    @shared_frame
    @classmethod
    def room_news(cls, event):
        made.append(event["text"])
        return None if event["text"] is None else json.dumps(event["text"])

    @shared_frame
    @staticmethod
    def room_data(event):
        return event["data"]


class AsyncRoom(Shared, AsyncWebsocketConsumer):
    async def connect(self):
        room.join(self)
        members.append(self)
        await self.accept()

    async def room_wait(self, event):
        await go.wait()
        await self.send(text_data="waited")


class SyncRoom(Shared, WebsocketConsumer):
    def connect(self):
        room.join(self)
        members.append(self)
        self.accept()


made: list[str | None]
members: list
go: asyncio.Event
room: Room

rooms = pytest.mark.parametrize("consumer", [AsyncRoom, SyncRoom])


@pytest.fixture(autouse=True)
def fresh():
    global made, members, go, room
    made, members, go, room = [], [], asyncio.Event(), Room(offset=9)


class Made(dict):
    """As a node makes it for each entry."""


def share(type, **message):
    """Give all members an entry, as a node does."""
    message, entry = room.add(type, **message)
    caches = {True: Made(), False: {}}
    caches[True].group, caches[True].entry = room.name, entry
    for member in members:
        inbox, speaks = inbox_of(member), hasattr(connection_of(member).sender, "session")
        copies = [LogEvent(message, room.name, entry) if speaks else dict(message)] * 2
        event = inbox.sharing(caches[speaks], iter(copies))
        if event is not None:
            inbox.put_message(event)


async def begin(serve, consumer, count):
    engine = await serve(Negotiation(consumer.as_asgi()))
    speakers = [await Speaker(engine).connect() for _ in range(count)]
    for speaker in speakers:
        await speaker.hear_of("hello")
        await speaker.hear_of("at")
    await idle()
    return engine, speakers


async def idle():
    """Wait until the members wait for what comes."""
    await until(lambda: all(inbox_of(member).is_idle() for member in members))


@rooms
async def test_frame_is_made_once(serve, consumer):
    """All members get the same frame, header and all; their consumers sleep on."""
    _, speakers = await begin(serve, consumer, 3)
    for number in range(20):
        share("room.news", text=str(number))
    for speaker in speakers:
        assert await speaker.frames(20) == [f'"{number}"' for number in range(20)]
        assert speaker.protocol.standings[TAG].offset == 29
        await speaker.websocket.close()
    assert len(made) == 20


async def test_beside_plain_clients(serve, monkeypatch):
    """These get it without a header, made once for all of them; each kind is framed once."""
    engine, speakers = await begin(serve, AsyncRoom, 2)

    class PlainRoom(AsyncRoom):
        async def connect(self):
            members.append(self)
            await self.accept()

    engine.context.application = Negotiation(PlainRoom.as_asgi())
    plain = [await engine.connect() for _ in range(2)]
    await idle()
    members[:] = [members[0], members[2], members[1], members[3]]
    built = []
    monkeypatch.setattr(frames, "_build", counting(built))
    share("room.data", data="news")
    for speaker, websocket in zip(speakers, plain, strict=True):
        assert await speaker.raw() == f"{TAG}:10;news"
        assert await websocket.recv() == "news"
    assert built == [f"{TAG}:10;news", "news"]
    for connection in [*plain, *(speaker.websocket for speaker in speakers)]:
        await connection.close()


def counting(built):
    build = frames._build

    def build_and_count(payload, deflate):
        built.append(payload)
        return build(payload, deflate)

    return build_and_count


async def test_busy_member_gets_it_in_order(serve):
    """A frame doesn't overtake what the consumer has still to do."""
    _, (speaker,) = await begin(serve, AsyncRoom, 1)
    room.give(members[0], "room.wait")
    await speaker.idle()
    share("room.news", text="second")
    share("room.data", data=b"third")
    go.set()
    while speaker.protocol.standings[TAG].offset < 12:
        await speaker.hear()
    assert len(made) == 1
    await speaker.websocket.close()


async def test_nothing_to_send(serve):
    """The position goes with the next frame."""
    _, (speaker,) = await begin(serve, AsyncRoom, 1)
    share("room.news", text=None)
    share("room.data", data=b"\x00;")
    assert await speaker.raw() == f"{TAG}:11;".encode() + b"\x00;"
    for _ in range(16):
        share("room.news", text=None)
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 27}
    await speaker.websocket.close()


async def test_another_epoch(serve):
    """The client is told before the first entry of it."""
    _, (speaker,) = await begin(serve, AsyncRoom, 1)
    room.epoch = "z9"
    share("room.news", text="x")
    assert (await speaker.hear_of("at")).fields["e"] == "z9"
    assert await speaker.raw() == f'{TAG}:10;"x"'
    await speaker.websocket.close()


async def test_ordinary_messages(serve):
    """Groups without history share frames as ever; these have no position."""
    _, (speaker,) = await begin(serve, AsyncRoom, 1)
    inbox = inbox_of(members[0])
    event = {"type": "room.news", "text": "x"}
    assert inbox.sharing({}, iter([event, event])) is None
    assert await speaker.raw() == ';"x"'
    await speaker.websocket.close()


class ProvenRoom(AsyncWebsocketConsumer):
    """Its handler is the same for every member, which nobody has said."""

    async def connect(self):
        room.join(self)
        members.append(self)
        await self.accept()

    async def room_news(self, event):
        await self.send(text_data=event["text"])


@pytest.fixture
def called(monkeypatch):
    """The messages that handlers of single consumers are looked up for."""
    found, find = [], consumer_loop._handler

    def note(consumer, message):
        found.append(message.get("text"))
        return find(consumer, message)

    monkeypatch.setattr(consumer_loop, "_handler", note)
    monkeypatch.setattr(proven_handlers, "is_watched", lambda: False)
    return found


async def test_proven_handlers(serve, called):
    """What a handler makes that is proved has its header, too, and moves the position."""
    _, speakers = await begin(serve, ProvenRoom, 2)
    called.clear()
    for number in range(20):
        share("room.news", text=str(number))
    for speaker in speakers:
        assert await speaker.frames(20) == [str(number) for number in range(20)]
        assert speaker.protocol.standings[TAG].offset == 29
        await speaker.websocket.close()
    assert not any(called)


async def test_own_names_in_proven_handlers(serve, called):
    """Who has come back is told its present name for an earlier one, by its own handler."""
    engine, (speaker,) = await begin(serve, ProvenRoom, 1)
    earlier = members.pop().channel_name
    await speaker.websocket.close()
    await engine.idle()
    await speaker.connect()
    await until(lambda: bool(members))
    await idle()
    called.clear()
    for text in ("first", earlier, "second"):
        share("room.news", text=text)
        await idle()
    assert await speaker.frames(3) == ["first", members[0].channel_name, "second"]
    assert called == [members[0].channel_name]
    await speaker.websocket.close()


async def test_earlier_membership_in_proven_handlers(serve, called):
    """An entry that the client is past has no header, as its own handler finds out."""
    _, (speaker,) = await begin(serve, ProvenRoom, 1)
    share("room.news", text="new")
    room.offset -= 1
    share("room.news", text="old")
    assert [await speaker.raw() for _ in range(2)] == [f"{TAG}:10;new", ";old"]
    await speaker.websocket.close()
