"""Sessions: what a client that speaks the protocol is told, for each kind of handler."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_bridge.groups.history.member_listener import Notice
from channels_bridge.groups.history.position import Answer, Position, Why
from channels_bridge.resume import pulse
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.resume.tags import tag_of
from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.resume.protocol_client import Frame
from compat_tests.resume.speaking import EPOCH, Room, Speaker, inbox_of, session_of

pytestmark = pytest.mark.usefixtures("worker")

TAG = tag_of("room")

consumers: asyncio.Queue
go: asyncio.Event


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A new room for each test; what threads send is held back for as long as they take."""
    global consumers, go, room
    monkeypatch.setattr(pulse, "PATIENCE", 60)
    consumers, go, room = asyncio.Queue(), asyncio.Event(), Room(offset=16)


class AsyncRoom(AsyncWebsocketConsumer):
    """A member of the room; each handler sends in another way."""

    async def connect(self):
        room.join(self)
        await self.accept()
        consumers.put_nowait(self)

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)

    async def chat_text(self, event):
        await self.send(text_data=event["text"])

    async def chat_data(self, event):
        await self.send(bytes_data=event["data"])

    async def chat_several(self, event):
        for text in event["texts"]:
            await self.send(text_data=text)

    async def chat_slow(self, event):
        await self.send(text_data="first")
        await go.wait()
        await self.send(text_data="second")
        await asyncio.sleep(0)

    async def chat_half(self, event):
        await self.send(text_data="only")
        await go.wait()

    async def chat_gathered(self, event):
        await asyncio.gather(self.send(text_data="one"), self.send(text_data="two"))

    async def chat_thread(self, event):
        await asyncio.wait_for(self.send(text_data="waited for"), DEADLINE)
        await sync_to_async(async_to_sync(self.send))(text_data="from a thread")

    async def chat_task(self, event):
        async def later():
            await go.wait()
            await self.send(text_data="of a task")

        self.task = asyncio.get_running_loop().create_task(later())

    async def chat_nothing(self, event):
        pass

    async def chat_fault(self, event):
        await self.send(text_data="before the fault")
        raise RuntimeError("a fault of the handler")

    async def chat_close(self, event):
        await self.send(text_data="goodbye")
        await self.close(code=event["code"])

    async def chat_stop(self, event):
        raise StopConsumer

    async def chat_names(self, event):
        await self.send(text_data="own" if event["sender"] == self.channel_name else "other")


class SyncRoom(WebsocketConsumer):
    """The same for synchronous consumers, as far as they differ."""

    def connect(self):
        room.join(self)
        self.accept()
        consumers.home.call_soon_threadsafe(consumers.put_nowait, self)

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)

    def chat_text(self, event):
        self.send(text_data=event["text"])

    def chat_data(self, event):
        self.send(bytes_data=event["data"])

    def chat_several(self, event):
        for text in event["texts"]:
            self.send(text_data=text)

    def chat_nothing(self, event):
        pass

    def chat_fault(self, event):
        self.send(text_data="before the fault")
        raise RuntimeError("a fault of the handler")


both = pytest.mark.parametrize("consumer", [AsyncRoom, SyncRoom])


async def begin(serve, consumer=AsyncRoom, **options):
    """Serve a consumer; return its engine, a client in the room, and its consumer."""
    consumers.home = asyncio.get_running_loop()
    engine = await serve(Negotiation(consumer.as_asgi()), **options)
    speaker = await Speaker(engine).connect()
    member = await asyncio.wait_for(consumers.get(), DEADLINE)
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    return speaker, member


async def again(speaker):
    """Connect once more, with the positions that the client has."""
    await speaker.connect()
    return await asyncio.wait_for(consumers.get(), DEADLINE)


async def break_off(speaker):
    """The link breaks, without a word."""
    speaker.websocket.transport.abort()
    with contextlib.suppress(Exception):
        await speaker.websocket.wait_closed()


def standing(speaker):
    place = speaker.protocol.standings[TAG]
    return place.epoch, place.offset, place.frames


async def test_greeting_comes_first(serve):
    """Hello, then where the client is in the groups that it is in; both before all else."""
    engine = await serve(Negotiation(AsyncRoom.as_asgi()))
    speaker = await Speaker(engine).connect()
    hello = await speaker.hear_of("hello")
    assert hello.fields["v"] == 1 and hello.fields["beat"] == 25
    assert hello.fields["retry"] == [0.1, 30] and len(hello.fields["c"]) < 64
    at = await speaker.hear_of("at")
    assert at.fields == {"g": TAG, "e": EPOCH, "o": 16, "k": at.fields["k"], "r": "new"}
    await speaker.websocket.close()


async def test_plain_clients_see_no_change(serve):
    """Who doesn't ask is sent what the consumer sends, letter by letter."""

    class Plain(AsyncWebsocketConsumer):
        async def receive(self, text_data=None, bytes_data=None):
            assert session_of_plain(self) is None
            await self.send(text_data=text_data)

    def session_of_plain(consumer):
        connection = consumer.scope["extensions"]["channels_bridge"]["connection"]
        return getattr(connection.sender, "session", None)

    engine = await serve(Negotiation(Plain.as_asgi()))
    async with engine.connect("/?_resume=2") as websocket:
        await websocket.send("!;hello")
        assert await websocket.recv() == "!;hello"


@both
async def test_headers(serve, consumer):
    """A message of the room has its number; what the consumer sends by itself has none."""
    speaker, member = await begin(serve, consumer)
    await speaker.websocket.send("!echo;")
    assert await speaker.raw() == ";!echo;"
    await speaker.websocket.send(b"\xff;")
    assert await speaker.raw() == b";\xff;"
    room.give(member, "chat.text", text="hello; yöu")
    assert await speaker.raw() == f"{TAG}:17;hello; yöu"
    room.give(member, "chat.data", data=b"\x00;\xff")
    assert await speaker.raw() == f"{TAG}:18;".encode() + b"\x00;\xff"
    assert standing(speaker) == (EPOCH, 18, 0)
    await speaker.websocket.close()


@both
async def test_several_frames(serve, consumer):
    """All but the last one say that more may follow."""
    speaker, member = await begin(serve, consumer)
    room.give(member, "chat.several", texts=["a", "b", "c"])
    raw = [await speaker.raw() for _ in range(3)]
    assert raw == [f"{TAG}:17.0;a", f"{TAG}:17.1;b", f"{TAG}:17;c"]
    await speaker.websocket.close()


async def test_handler_that_takes_its_time(serve):
    """Its frame doesn't wait for it; that it was the last one is told when it has returned."""
    speaker, member = await begin(serve)
    room.give(member, "chat.half")
    assert await speaker.raw() == f"{TAG}:17.0;only"
    assert standing(speaker) == (EPOCH, 16, 1)
    go.set()
    assert await speaker.raw() == f'!{{"t":"at","g":"{TAG}","o":17}}'
    assert standing(speaker) == (EPOCH, 17, 0)
    await speaker.websocket.close()


async def test_what_runs_for_a_handler_is_its_own(serve):
    """Also what others send for it, as in gather() and wait_for()."""
    speaker, member = await begin(serve)
    room.give(member, "chat.gathered")
    assert [frame.payload for frame in await frames_of(speaker, 2)] == ["one", "two"]
    room.give(member, "chat.thread")
    texts = [frame.payload for frame in await frames_of(speaker, 2)]
    assert texts == ["waited for", "from a thread"]
    await speaker.websocket.close()


async def frames_of(speaker, count):
    """The next frames, all of which have the tag."""
    frames = []
    while len(frames) < count:
        heard = await speaker.hear()
        if isinstance(heard, Frame):
            assert heard.tag == TAG
            frames.append(heard)
    return frames


async def test_task_that_outlives_its_handler(serve):
    """What it sends is the consumer's own: no position can be promised for it."""
    speaker, member = await begin(serve)
    room.give(member, "chat.task")
    room.give(member, "chat.text", text="next")
    assert await speaker.raw() == f"{TAG}:18;next"
    go.set()
    assert await speaker.raw() == ";of a task"
    await speaker.websocket.close()


@both
async def test_resume(serve, consumer):
    """What was missed follows, once and in order, and then the client is told that it is live."""
    speaker, member = await begin(serve, consumer)
    room.give(member, "chat.text", text="one")
    assert await speaker.frames(1) == ["one"]
    await break_off(speaker)
    room.add("chat.text", text="two")
    room.add("chat.several", texts=["three", "four"])
    member = await again(speaker)
    await speaker.hear_of("hello")
    at = await speaker.hear_of("at")
    assert (at.fields["r"], at.fields["o"]) == ("ok", 17)
    assert await speaker.frames(3) == ["two", "three", "four"]
    await speaker.hear_of("live")
    room.give(member, "chat.text", text="five")
    assert await speaker.raw() == f"{TAG}:20;five"
    await speaker.websocket.close()


async def test_nothing_missed(serve):
    """The client hears at once that it is live."""
    speaker, member = await begin(serve)
    await break_off(speaker)
    await again(speaker)
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["r"] == "ok"
    await speaker.hear_of("live")
    await speaker.websocket.close()


@both
async def test_half_an_entry(serve, consumer):
    """Of an entry that the client has in part, only the rest is sent."""
    speaker, member = await begin(serve, consumer)
    room.give(member, "chat.several", texts=["a", "b", "c"])
    assert await speaker.raw() == f"{TAG}:17.0;a"
    await break_off(speaker)
    await again(speaker)
    await speaker.hear_of("hello")
    at = await speaker.hear_of("at")
    assert (at.fields["o"], at.fields["i"]) == (16, 1)
    assert await speaker.raw() == f"{TAG}:17.1;b"
    assert await speaker.raw() == f"{TAG}:17;c"
    await speaker.hear_of("live")
    await speaker.websocket.close()


async def test_whole_entry_whose_end_was_not_told(serve):
    """Its handler runs again and sends nothing new: the client is told that this was all."""
    speaker, member = await begin(serve)
    room.give(member, "chat.half")
    assert await speaker.raw() == f"{TAG}:17.0;only"
    await break_off(speaker)
    go.set()
    await again(speaker)
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 17}
    await speaker.hear_of("live")
    await speaker.websocket.close()


@both
async def test_entries_without_frames(serve, consumer):
    """Their positions go with the next frame, or after so many of them by themselves."""
    speaker, member = await begin(serve, consumer)
    for _ in range(3):
        room.give(member, "chat.nothing")
    room.give(member, "chat.text", text="x")
    assert await speaker.raw() == f"{TAG}:20;x"
    for _ in range(20):
        room.give(member, "chat.nothing")
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 36}
    await speaker.websocket.close()


async def test_another_epoch(serve):
    """The client is told before the first entry of it, with a ticket that is good for it."""
    speaker, member = await begin(serve)
    room.epoch = "z9"
    room.give(member, "chat.text", text="x")
    at = await speaker.hear_of("at")
    assert (at.fields["e"], at.fields["o"]) == ("z9", 16)
    assert await speaker.raw() == f"{TAG}:17;x"
    await break_off(speaker)
    member = await again(speaker)
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["r"] == "ok"
    await speaker.websocket.close()


async def test_gap_while_connected(serve):
    """It is told in its place among the messages."""
    speaker, member = await begin(serve)
    room.give(member, "chat.text", text="one")
    room.offset = 90
    room.tell(member, Why.LAGGED)
    room.give(member, "chat.text", text="two")
    assert await speaker.frames(1) == ["one"]
    at = await speaker.hear_of("at")
    assert (at.fields["r"], at.fields["why"], at.fields["o"]) == ("gap", "lagged", 90)
    assert await speaker.raw() == f"{TAG}:91;two"
    await speaker.websocket.close()


async def test_gap_instead_of_catching_up(serve):
    """Who was told of a gap is not told that nothing was missed."""
    speaker, member = await begin(serve)
    await break_off(speaker)
    claims = []

    class Late(AsyncRoom):
        async def connect(self):
            session = session_of(self)
            claims.append(session.claim("room"))
            session.joined("room", Answer.OK, claims[0].position, None)
            room.offset = 50
            room.tell(self, Why.LAGGED)
            inbox_of(self).put_message(Notice("room", Position(EPOCH, 50), None))
            room.give(self, "chat.text", text="x")
            await self.accept()

    other = await serve(Negotiation(Late.as_asgi()))
    speaker.engine = other
    await speaker.connect()
    heard = [await speaker.hear() for _ in range(4)]
    assert [told.kind for told in heard[:3]] == ["hello", "at", "at"]
    assert heard[2].fields["why"] == "lagged"
    assert (heard[3].payload, heard[3].tag) == ("x", TAG)
    await speaker.websocket.close()


@both
async def test_handler_that_fails(serve, consumer, caplog):
    """The client is told, and is past the message: it doesn't fail again and again."""
    speaker, member = await begin(serve, consumer)
    room.give(member, "chat.fault")
    assert await speaker.raw() == f"{TAG}:17.0;before the fault"
    at = await speaker.hear_of("at")
    assert (at.fields["r"], at.fields["why"], at.fields["o"]) == ("gap", "failed", 17)
    assert await speaker.closed() == 1011
    member = await again(speaker)
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["r"] == "ok"
    await speaker.hear_of("live")
    await speaker.websocket.close()
    await speaker.engine.idle()
    assert "a fault of the handler" in caplog.text


async def test_handler_that_closes(serve):
    """The client is past the message before the close frame, so it isn't closed again."""
    speaker, member = await begin(serve)
    room.give(member, "chat.close", code=4500)
    assert await speaker.raw() == f"{TAG}:17;goodbye"
    assert await speaker.closed() == 4500
    assert standing(speaker) == (EPOCH, 17, 0)


async def test_handler_that_stops_its_consumer(serve):
    """It is past that message, too."""
    speaker, member = await begin(serve)
    room.give(member, "chat.stop")
    assert await speaker.closed() == 1000
    assert standing(speaker) == (EPOCH, 17, 0)


async def test_closing_tells_positions(serve):
    """Who is closed by the server knows of the messages that were not for it."""
    speaker, member = await begin(serve)
    room.give(member, "chat.nothing")
    await speaker.idle()
    connection = member.scope["extensions"]["channels_bridge"]["connection"]
    connection.shutdown()
    assert await speaker.closed() == 1001
    assert standing(speaker) == (EPOCH, 17, 0)


async def test_left(serve):
    """The client forgets the group; what is still to be handled is the consumer's own."""
    speaker, member = await begin(serve)
    session_of(member).left("room")
    room.give(member, "chat.text", text="late")
    await speaker.hear_of("left")
    assert await speaker.raw() == ";late"
    await speaker.websocket.close()


async def test_messages_that_are_not_kept(serve):
    """They have no position."""
    speaker, member = await begin(serve)
    room.offset = -1
    room.give(member, "chat.text", text="typing")
    assert await speaker.raw() == ";typing"
    await speaker.websocket.close()


async def test_own_messages_are_recognised(serve):
    """An earlier name of the same client is its present one, other names are not."""
    speaker, member = await begin(serve)
    mine = member.channel_name
    await break_off(speaker)
    room.add("chat.names", sender=mine)
    room.add("chat.names", sender=mine[:-1] + "x")
    member = await again(speaker)
    assert member.channel_name != mine
    assert await speaker.frames(2) == ["own", "other"]
    await speaker.websocket.close()


async def test_own_messages_of_all_earlier_connections(serve):
    """The token keeps them from one connection to the next."""
    speaker, member = await begin(serve)
    first = member.channel_name
    for _ in range(3):
        await break_off(speaker)
        member = await again(speaker)
        await speaker.hear_of("hello")
    room.give(member, "chat.names", sender=first)
    assert await speaker.frames(1) == ["own"]
    await speaker.websocket.close()


async def test_thread_that_takes_its_time(serve, monkeypatch):
    """What a synchronous handler has sent doesn't wait for it for long."""
    monkeypatch.setattr(pulse, "PATIENCE", 0)
    held = threading.Event()

    class Slow(SyncRoom):
        def chat_wait(self, event):
            self.send(text_data="first")
            held.wait(5)

    speaker, member = await begin(serve, Slow)
    room.give(member, "chat.wait")
    assert await speaker.raw() == f"{TAG}:17.0;first"
    held.set()
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 17}
    await speaker.websocket.close()


async def test_middlewares_see_messages_as_they_are(serve):
    """Headers are put on below them, and on what they send themselves."""
    seen = []

    def middleware(application):
        async def wrapped(scope, receive, send):
            async def noting(message):
                seen.append(message.get("text"))
                await send(message)
                if message.get("text") == "x":
                    await send({"type": "websocket.send", "text": "by the middleware"})

            await application(scope, receive, noting)

        return wrapped

    consumers.home = asyncio.get_running_loop()
    engine = await serve(Negotiation(middleware(AsyncRoom.as_asgi())))
    speaker = await Speaker(engine).connect()
    member = await asyncio.wait_for(consumers.get(), DEADLINE)
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    room.give(member, "chat.text", text="x")
    assert [frame.payload for frame in await frames_of(speaker, 2)] == ["x", "by the middleware"]
    assert seen == [None, "x"]
    await speaker.websocket.close()


async def test_sending_to_somebody_else(serve):
    """What a handler sends on another connection is that one's own."""
    speaker, member = await begin(serve)

    class Other(AsyncRoom):
        async def chat_cross(self, event):
            await member.send(text_data="across")
            await self.send(text_data="here")

    second, other = await begin(serve, Other)
    room.give(other, "chat.cross")
    assert await second.raw() == f"{TAG}:17;here"
    assert await speaker.raw() == ";across"
    await speaker.websocket.close()
    await second.websocket.close()


async def test_thread_that_sends_to_somebody_else(serve):
    """The same in the thread of synchronous consumers."""
    speaker, member = await begin(serve, SyncRoom)

    class Other(SyncRoom):
        def chat_cross(self, event):
            member.send(text_data="across")
            self.send(text_data="here")

    second, other = await begin(serve, Other)
    room.give(other, "chat.cross")
    assert await second.raw() == f"{TAG}:17;here"
    assert await speaker.raw() == ";across"
    await speaker.websocket.close()
    await second.websocket.close()


async def test_cancelled_handler_is_not_past_its_message(serve):
    """Where the server ends, another worker handles the message again."""
    speaker, member = await begin(serve, shutdown_timeout=0.01)
    room.give(member, "chat.half")
    assert await speaker.raw() == f"{TAG}:17.0;only"
    await speaker.engine.stop()
    await speaker.closed()
    assert standing(speaker) == (EPOCH, 16, 1)


async def test_compressed_messages(serve):
    """Headers are in the compressed message, as any other text."""
    consumers.home = asyncio.get_running_loop()
    engine = await serve(Negotiation(AsyncRoom.as_asgi()), compress_from=1)
    speaker = await Speaker(engine).connect(compression="deflate")
    member = await asyncio.wait_for(consumers.get(), DEADLINE)
    room.give(member, "chat.text", text="x" * 5000)
    assert (await speaker.hear_of("hello")).fields["v"] == 1
    await speaker.hear_of("at")
    assert await speaker.raw() == f"{TAG}:17;" + "x" * 5000
    await speaker.websocket.close()


async def test_errors_of_a_send_are_the_handlers(serve):
    """A text that has no UTF-8 form fails where it is sent, held or not."""

    class Careful(AsyncRoom):
        async def chat_surrogate(self, event):
            try:
                await self.send(text_data="\ud800")
            except UnicodeEncodeError:
                await self.send(text_data="failed")

    speaker, member = await begin(serve, Careful)
    room.give(member, "chat.surrogate")
    assert [frame.payload for frame in await frames_of(speaker, 1)] == ["failed"]
    await speaker.websocket.close()
