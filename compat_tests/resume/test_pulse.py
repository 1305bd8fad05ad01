"""What clients are told without being asked: heartbeats, positions, tickets, the worker's end."""

from __future__ import annotations

import asyncio

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_bridge.groups.history.position import Claim, Position
from channels_bridge.groups.presence.roll import Here, RollChange
from channels_bridge.resume import pulse, tickets
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.resume.tags import tag_of
from channels_bridge.server.worker.drain import drain
from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.engine import until
from compat_tests.resume.speaking import Room, Speaker, connection_of, session_of

pytestmark = pytest.mark.usefixtures("worker")

TAG = tag_of("room")

members: list[AsyncWebsocketConsumer]


@pytest.fixture(autouse=True)
def fresh():
    global members, room
    members, room = [], Room(offset=5)


class Quiet(AsyncWebsocketConsumer):
    """A member of the room who says nothing of itself."""

    async def connect(self):
        room.join(self)
        await self.accept()
        members.append(self)

    async def chat_nothing(self, event):
        handled.set()


handled: asyncio.Event


async def begin(serve, **options):
    global handled
    handled = asyncio.Event()
    engine = await serve(Negotiation(Quiet.as_asgi()), **options)
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    return speaker, members[-1]


async def test_silent_connections_beat(serve, monkeypatch):
    """A client hears something within each beat, again and again."""
    monkeypatch.setattr(pulse, "BEAT", 0.05)
    speaker, _ = await begin(serve)
    for _ in range(3):
        await speaker.hear_of("beat")
    await speaker.websocket.close()


async def test_visits(serve):
    """Who was told something since the last visit is left alone, others are not."""
    speaker, member = await begin(serve)
    session = session_of(member)
    session.visit(0)
    session.visit(0)
    await speaker.hear_of("beat")
    await member.send("hello")
    session.visit(0)
    await member.send("again")
    assert [await speaker.raw() for _ in range(2)] == [";hello", ";again"]
    await speaker.websocket.close()


async def test_positions_without_frames_are_told(serve):
    """So that a client whose group is filtered doesn't fall behind what is kept."""
    speaker, member = await begin(serve)
    room.give(member, "chat.nothing")
    await asyncio.wait_for(handled.wait(), DEADLINE)
    session_of(member).visit(0)
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 6}
    await speaker.websocket.close()


async def test_tickets_are_renewed(serve):
    """A connection may last for longer than a ticket."""
    speaker, member = await begin(serve)
    token = speaker.protocol.token
    now = asyncio.get_running_loop().time() + tickets.RENEWAL + 1
    session = session_of(member)
    room.give(member, "chat.nothing")
    await asyncio.wait_for(handled.wait(), DEADLINE)
    session.visit(now)
    renewed = await speaker.hear_of("at")
    assert set(renewed.fields) == {"g", "k"}
    # The position is told after it, and the link may break in between.
    position = f"{TAG}.{room.epoch}.5.{renewed.fields['k']}"
    assert tickets.verify(position, "room", None) == Claim(Position(room.epoch, 5))
    assert len((await speaker.hear_of("beat")).fields["c"]) == len(token)
    assert (await speaker.hear_of("at")).fields == {"g": TAG, "o": 6}
    await speaker.websocket.close()


async def test_renewed_tickets_are_for_who_has_joined(serve):
    """Who logs in while connected joins as nobody again when the link breaks, or as that user."""

    class User:
        is_authenticated, pk = True, 7

    speaker, member = await begin(serve)
    member.scope["user"] = User()
    session_of(member).visit(asyncio.get_running_loop().time() + tickets.RENEWAL + 1)
    renewed = await speaker.hear_of("at")
    position = f"{TAG}.{room.epoch}.5.{renewed.fields['k']}"
    for user_id in (None, 7):
        assert tickets.verify(position, "room", user_id) == Claim(Position(room.epoch, 5))
    await speaker.websocket.close()


async def test_worker_that_ends_says_so(serve):
    """Each client is told within how many seconds it should go, before any is closed."""
    speaker, member = await begin(serve, drain_seconds=0.2)
    context = connection_of(member).context
    await drain(context, asyncio.Event())
    assert (await speaker.hear_of("bye")).fields == {"within": 0.2}
    assert await speaker.closed() == 1001


async def test_ended_connections_are_not_visited(serve):
    """Nor kept."""
    speaker, member = await begin(serve)
    connection = connection_of(member)
    worker = pulse.pulse_of(connection.context)
    assert sum(map(len, worker._parts)) == 1
    await speaker.websocket.close()
    await until(lambda: not any(worker._parts))


async def test_presence(serve):
    """Who is present is told as it comes; over the limit, only how many."""
    speaker, member = await begin(serve)
    session = session_of(member)
    ann = {"7": Here({"name": "Ann"}, 1.0, 1)}
    session.roll("room", RollChange(1, True, ann, [], 1))
    session.roll("room", RollChange(2, False, {"8": Here(None, 0.0, 1)}, ["7"], 1))
    session.roll("room", RollChange(3, True, {}, [], 5000))
    session.roll("room", RollChange(4, True, {}, [], 0))
    assert [(told.kind, told.fields) for told in [await speaker.hear() for _ in range(4)]] == [
        ("here", {"g": TAG, "v": 1, "n": 1, "in": {"7": {"name": "Ann"}}}),
        ("diff", {"g": TAG, "v": 2, "n": 1, "in": {"8": None}, "out": ["7"]}),
        ("here", {"g": TAG, "v": 3, "n": 5000}),
        ("here", {"g": TAG, "v": 4, "n": 0, "in": {}}),
    ]
    await speaker.websocket.close()


async def test_presence_before_the_greeting(serve):
    """What comes before the handshake is accepted is told after it."""

    class Early(Quiet):
        async def connect(self):
            session_of(self).roll("other", RollChange(1, True, {}, [], 0))
            await self.accept()

        def name_for_page(self, group):
            return f"the {group}"

    engine = await serve(Negotiation(Early.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields == {"g": tag_of("other"), "n": "the other"}
    assert (await speaker.hear_of("here")).fields["in"] == {}
    await speaker.websocket.close()


async def test_names_for_the_page(serve, caplog):
    """A consumer may name its groups; where that fails there is no name, and a line in the log."""

    class Naming(Quiet):
        def name_for_page(self, group):
            return {"room": "the room"}[group]

    engine = await serve(Negotiation(Naming.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["n"] == "the room"
    Room("another").join(members[-1])
    assert "n" not in (await speaker.hear_of("at")).fields
    assert "name_for_page('another') failed" in caplog.text
    await speaker.websocket.close()


async def test_client_that_never_reads(serve):
    """It is told nothing more while its buffer is full, so that it costs no memory."""
    speaker, member = await begin(serve)
    connection = connection_of(member)
    speaker.websocket.transport.pause_reading()
    while not connection.writer.is_full:
        connection.sender.send_now("x" * 100_000)
    unsent = connection.unsent
    session = session_of(member)
    room.give(member, "chat.nothing")
    await asyncio.wait_for(handled.wait(), DEADLINE)
    for _ in range(100):
        session.visit(0)
    assert connection.unsent <= unsent
    speaker.websocket.transport.abort()
