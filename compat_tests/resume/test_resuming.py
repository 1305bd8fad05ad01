"""Unmodified consumers, a channel layer that keeps history, and clients that come back.

What is here in one process is what it is over a hub; the layer keeps its promises in the tests of
``groups``.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import channel_layers, get_channel_layer

from channels_bridge.groups import shared_frame
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.resume import resume_counters
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.resume.tags import tag_of
from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.default_layer import default_layer
from compat_tests.engine import until
from compat_tests.resume.protocol_client import Frame, Standing
from compat_tests.resume.speaking import Speaker

pytestmark = pytest.mark.usefixtures("worker")

TAG = tag_of("chat")
HISTORY = {
    "chat": {"messages": 50, "except": ["typing"]},
    "news": {},
    "quiet": {"echo": False},
    "small": {"messages": 8},
}


class Chat(AsyncWebsocketConsumer):
    """The tutorial's consumer, as it is there."""

    async def connect(self):
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard("chat", self.channel_name)

    async def receive(self, text_data):
        text_data_json = json.loads(text_data)
        message = text_data_json["message"]
        await self.channel_layer.group_send("chat", {"type": "chat.message", "message": message})

    async def chat_message(self, event):
        message = event["message"]
        await self.send(text_data=json.dumps({"message": message}))


class SyncChat(WebsocketConsumer):
    def connect(self):
        from asgiref.sync import async_to_sync

        async_to_sync(self.channel_layer.group_add)("chat", self.channel_name)
        self.accept()

    def chat_message(self, event):
        self.send(text_data=json.dumps({"message": event["message"]}))


class SharedChat(Chat):
    @shared_frame
    @classmethod
    def chat_message(cls, event):
        return json.dumps({"message": event["message"]})


class JsonChat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()

    async def chat_message(self, event):
        await self.send_json({"message": event["message"]})


def behind_a_middleware(application):
    """Which sees each socket event, as those for traces do."""

    async def wrapped(scope, receive, send):
        async def seeing():
            return await receive()

        async def sending(message):
            await send(message)

        await application(scope, seeing, sending)

    return wrapped


APPLICATIONS = {
    "tutorial": Chat.as_asgi(),
    "synchronous": SyncChat.as_asgi(),
    "shared": SharedChat.as_asgi(),
    "json": JsonChat.as_asgi(),
    "wrapped": behind_a_middleware(Chat.as_asgi()),
}

applications = pytest.mark.parametrize("name", APPLICATIONS)


@pytest.fixture(autouse=True)
def layer():
    made = LocalChannelLayer(capacity=5, history=HISTORY)
    with default_layer() as use:
        use(made)
        yield made


async def say(*messages, group="chat", type="chat.message", **others):
    for message in messages:
        await get_channel_layer().group_send(group, {"type": type, "message": message, **others})


def texts(*numbers):
    return [json.dumps({"message": str(number)}) for number in range(*numbers)]


def numbers(*range_):
    return [str(number) for number in range(*range_)]


async def begin(serve, application, **options):
    engine = await serve(Negotiation(application), **options)
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["r"] == "new"
    return speaker


async def break_off(speaker):
    speaker.websocket.transport.abort()
    await speaker.websocket.wait_closed()


async def come_back(speaker, answer="ok"):
    """Connect again; returns what the client is told of the group."""
    await speaker.connect()
    await speaker.hear_of("hello")
    at = await speaker.hear_of("at")
    assert at.fields["r"] == answer, at
    return at


@applications
async def test_nothing_is_missed(serve, name):
    """All that was said meanwhile comes, once and in order, however much that is."""
    speaker = await begin(serve, APPLICATIONS[name])
    await say(*numbers(10))
    assert await speaker.frames(10) == texts(10)
    for start in (10, 50):
        await break_off(speaker)
        await say(*numbers(start, start + 35))
        await come_back(speaker)
        await say(*numbers(start + 35, start + 40))
        assert await speaker.frames(40) == texts(start, start + 40)
    await speaker.websocket.close()


@applications
async def test_away_for_too_long(serve, name):
    """What is no longer kept is a gap, which the client is told; it goes on from there."""
    speaker = await begin(serve, APPLICATIONS[name])
    await break_off(speaker)
    await say(*numbers(60))
    at = await come_back(speaker, "gap")
    assert at.fields["why"] == "expired"
    await say("60")
    assert await speaker.frames(1) == texts(60, 61)
    await speaker.websocket.close()


async def test_joined_says_what_became_of_it(serve):
    """A consumer can leave out its snapshot where its client goes on."""
    joins = []

    class Telling(Chat):
        async def connect(self):
            joins.append(await self.channel_layer.group_add("chat", self.channel_name))
            await self.accept()

    speaker = await begin(serve, Telling.as_asgi())
    await break_off(speaker)
    await say(*numbers(3))
    await come_back(speaker)
    await break_off(speaker)
    await say(*numbers(90))
    await come_back(speaker, "gap")
    assert [(joined.recovered, joined.missed) for joined in joins] == [
        (None, 0),
        (True, 3),
        (False, 0),
    ]
    await speaker.websocket.close()


@pytest.mark.parametrize("is_gone", [False, True])
async def test_first_state_that_the_client_has_not_got(serve, is_gone):
    """Who breaks off before it has what `connect()` sends to newcomers is one again."""
    may_look = asyncio.Event()

    class Snapshot(Chat):
        async def connect(self):
            joined = await self.channel_layer.group_add("chat", self.channel_name)
            await self.accept()
            if not joined.recovered:
                await may_look.wait()  # for a slow database
                await self.send("state")

    engine = await serve(Negotiation(Snapshot.as_asgi()))
    speaker = Speaker(engine)
    answer = ["new"]
    if is_gone:  # one that was here long ago
        speaker.protocol.standings[TAG] = Standing("gone", 3, 0, "ticket")
        answer = ["gap", None]
    await speaker.connect()
    await speaker.hear_of("hello")
    if is_gone:
        assert (await speaker.hear_of("at")).fields["r"] == "gap"  # before the state, with no place
    await break_off(speaker)
    may_look.set()
    await speaker.connect()
    await speaker.hear_of("hello")
    heard = [await speaker.hear() for _ in range(len(answer) + 1)]
    assert Frame("state") in heard[-2:-1], heard
    assert [each.fields.get("r") for each in heard if each != Frame("state")] == answer
    await say("first")
    assert await speaker.frames(1) == [json.dumps({"message": "first"})]
    await break_off(speaker)
    await come_back(speaker)  # it has all now
    await speaker.websocket.close()


async def test_group_that_has_only_presence(serve):
    """The page hears that its consumer has left, and no longer shows who is there."""

    class Passing(Chat):
        async def receive(self, text_data):
            await self.channel_layer.group_discard("chat", self.channel_name)

    channel_layers.set("default", LocalChannelLayer(presence={"chat": {}}))
    engine = await serve(Negotiation(Passing.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("here")).fields["g"] == TAG
    await speaker.websocket.send("go")
    while (told := await speaker.hear()).kind != "left":
        assert told.kind in ("here", "diff")
    assert told.fields == {"g": TAG}
    await speaker.websocket.close()


async def test_handlers_filter_for_their_user(serve):
    """What is replayed passes the consumer's own filters; who hears nothing stays up to date."""

    class Filtering(Chat):
        async def chat_message(self, event):
            if int(event["message"]) % 20 == 0:
                await super().chat_message(event)

    speaker = await begin(serve, Filtering.as_asgi())
    await break_off(speaker)
    await say(*numbers(45))
    await come_back(speaker)
    assert await speaker.frames(3) == texts(0, 60, 20)
    await say(*numbers(45, 79))
    assert await speaker.frames(1) == texts(60, 61)
    while speaker.protocol.standings[TAG].offset < 77:
        await speaker.hear()
    await break_off(speaker)
    await say(*numbers(79, 120))
    await come_back(speaker)
    await speaker.websocket.close()


async def test_filtered_group_of_which_little_is_kept(serve):
    """Who hears nothing of it is told so often where it is that a break leaves no gap."""

    class Deaf(AsyncWebsocketConsumer):
        async def connect(self):
            await self.channel_layer.group_add("small", self.channel_name)
            await self.accept()

        async def chat_message(self, event):
            handled.append(event["message"])

    handled: list[str] = []
    speaker = await begin(serve, Deaf.as_asgi())
    for number in numbers(31):
        await say(number, group="small")
        await until(lambda number=number: number in handled)
    tag = tag_of("small")
    while speaker.protocol.standings[tag].offset < 30:
        await speaker.hear()
    await break_off(speaker)
    await say(*numbers(31, 37), group="small")
    await come_back(speaker)
    # Of the last ones it may be told again: where it was it had not heard yet.
    await until(lambda: handled[-6:] == numbers(31, 37))
    await speaker.websocket.close()


async def test_order_of_all_groups(serve):
    """A consumer in two groups sees their messages in the order in which they were sent."""

    class Two(Chat):
        async def connect(self):
            await self.channel_layer.group_add("chat", self.channel_name)
            await self.channel_layer.group_add("news", self.channel_name)
            await self.accept()

    speaker = await begin(serve, Two.as_asgi())
    await speaker.hear_of("at")
    await break_off(speaker)
    for number in range(30):
        await say(str(number), group=["chat", "news"][number % 3 == 0])
    await come_back(speaker)
    assert await speaker.frames(30) == texts(30)
    await speaker.websocket.close()


async def test_typing_is_not_kept(serve):
    """It comes while the client is there, without a position."""

    class Typing(Chat):
        async def typing(self, event):
            await self.send(text_data="typing")

    speaker = await begin(serve, Typing.as_asgi())
    await say("", type="typing")
    assert await speaker.raw() == ";typing"
    await break_off(speaker)
    await say("", type="typing")
    await say("0")
    await come_back(speaker)
    assert await speaker.frames(1) == texts(1)
    await speaker.websocket.close()


@pytest.mark.parametrize(("group", "kind"), [("chat", "own"), ("quiet", "other")])
async def test_own_echo(serve, group, kind):
    """A client's own messages are its own after a reconnect, unless CONFIG doesn't want that."""
    names = []

    class Echo(AsyncWebsocketConsumer):
        async def connect(self):
            names.append(self.channel_name)
            await self.channel_layer.group_add(group, self.channel_name)
            await self.accept()

        async def chat_message(self, event):
            await self.send("own" if event["sender"] == self.channel_name else "other")

    speaker = await begin(serve, Echo.as_asgi())
    await break_off(speaker)
    await say("", group=group, sender=names[0])
    await come_back(speaker)
    assert await speaker.frames(1) == [kind]
    await speaker.websocket.close()


# Bad input: each with its outcome, told to the client; never what is not the user's to read.


def scoped(user):
    """The tutorial's consumer for this user."""

    async def application(scope, receive, send):
        await Chat.as_asgi()(dict(scope, user=user), receive, send)

    return application


class User:
    is_authenticated = True

    def __init__(self, pk):
        self.pk = pk


def claim(speaker, **changes):
    """Have a client claim something else than it was given."""
    standing = speaker.protocol.standings[TAG]
    for name, value in changes.items():
        setattr(standing, name, value)


BAD = {
    "a forged ticket": {"ticket": "A" * 28},
    "no base64": {"ticket": "k"},
    "an earlier position": {"offset": 2},
    "the very beginning": {"offset": 0, "frames": 0},
    "another epoch": {"epoch": "zzzzzz"},
    "a garbled epoch": {"epoch": "../../"},
    "a part too many": {"epoch": "abc.1e3"},
    "a negative offset": {"offset": -1},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
async def test_forged_claims(serve, changes):
    """They are a gap, and bring nothing of what was said before."""
    await say(*numbers(5))
    speaker = await begin(serve, Chat.as_asgi())
    await say(*numbers(5, 10))
    await speaker.frames(5)
    await break_off(speaker)
    claim(speaker, **changes)
    at = await come_back(speaker, "gap")
    assert at.fields["why"] == "ticket"
    await say("10")
    assert await speaker.frames(1) == texts(10, 11)
    await speaker.websocket.close()


async def test_position_ahead_of_every_log(serve):
    """It is believed by nobody: the log has no such number."""
    speaker = await begin(serve, Chat.as_asgi())
    await say("0")
    await speaker.frames(1)
    await break_off(speaker)
    claim(speaker, offset=999_999)
    assert (await come_back(speaker, "gap")).fields["why"] == "unknown"
    await say("1")
    assert await speaker.frames(1) == texts(1, 2)
    await speaker.websocket.close()


async def test_position_of_another_user(serve):
    """Whoever finds it in a log of URLs can't use it."""
    speaker = await begin(serve, scoped(User(1)))
    await break_off(speaker)
    await say(*numbers(3))
    other = Speaker(await serve(Negotiation(scoped(User(2)))))
    other.protocol = speaker.protocol
    assert (await come_back(other, "gap")).fields["why"] == "ticket"
    await say("3")
    assert await other.frames(1) == texts(3, 4)
    await other.websocket.close()


async def test_consumers_that_log_users_in(serve):
    """By a token in connect(), or by a message: tickets are for whoever has joined."""

    class LoggingIn(Chat):
        async def connect(self):
            await self.channel_layer.group_add("news", self.channel_name)
            self.scope["user"] = User(7)
            names.append(self.channel_name)
            await self.accept()

        async def receive(self, text_data):
            await self.channel_layer.group_add("chat", self.channel_name)

        async def chat_message(self, event):
            await self.send(event["message"])

    names: list[str] = []
    speaker = await begin(serve, LoggingIn.as_asgi())
    await speaker.websocket.send("join")
    await speaker.hear_of("at")
    await break_off(speaker)
    await say("a", group="news")
    await say(names[0])
    await come_back(speaker)
    assert await speaker.frames(1) == ["a"]
    await speaker.websocket.send("join")
    while not isinstance(heard := await speaker.hear(), Frame):
        assert heard.fields.get("r") != "gap"
    assert heard.payload == names[1]
    await speaker.websocket.close()


async def test_who_is_let_in_today(serve):
    """They get what is said from now on, whatever they claim, also with a ticket for elsewhere."""
    await say(*numbers(5))
    engine = await serve(Negotiation(Chat.as_asgi()))
    speaker = Speaker(engine)
    news = Standing("zzzzzz", 0, 0, "k" * 28)
    speaker.protocol.standings.update({TAG: news, tag_of("news"): news})
    assert (await come_back(speaker, "gap")).fields["why"] == "ticket"
    await say("5")
    assert await speaker.frames(1) == texts(5, 6)
    await speaker.websocket.close()


async def test_groups_that_the_consumer_does_not_join(serve):
    """A claim opens no door: what the consumer doesn't join is not answered."""
    speaker = await begin(serve, Chat.as_asgi())
    await break_off(speaker)

    class Elsewhere(Chat):
        async def connect(self):
            await self.accept()
            await self.send(text_data="nothing for you")

    other = Speaker(await serve(Negotiation(Elsewhere.as_asgi())))
    other.protocol = speaker.protocol
    await say("secret")
    await other.connect()
    await other.hear_of("hello")
    assert await other.raw() == ";nothing for you"
    await other.websocket.close()


async def test_hundreds_of_groups(serve):
    """The last hundred positions count, and the client is told how many don't."""
    engine = await serve(Negotiation(Chat.as_asgi()))
    speaker = Speaker(engine)
    path = "/?_resume=1" + "".join(f"~t{number:07d}.e.1.k" for number in range(400))
    speaker.websocket = await engine.connect(path)
    assert (await speaker.hear_of("hello")).fields["over"] == 300
    await speaker.websocket.close()


async def test_ten_thousand_groups(serve):
    """A request line of that length is refused, as any other is."""
    engine = await serve(Negotiation(Chat.as_asgi()))
    path = "/?_resume=1" + "".join(f"~t{number:07d}.e.1.k" for number in range(10_000))
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    answer = await asyncio.wait_for(engine.request(head), DEADLINE)
    assert answer.split(b" ", 2)[1].startswith(b"4")


async def test_handler_that_fails_on_replay(serve):
    """The client gets past it: one connection for each such message, and then it is live."""

    class Failing(Chat):
        async def chat_message(self, event):
            if event["message"] == "poison":
                raise RuntimeError("a fault of the handler")
            await super().chat_message(event)

    speaker = await begin(serve, Failing.as_asgi())
    await break_off(speaker)
    await say("0", "poison", "1", "poison", "2")
    for start in (0, 1):
        await come_back(speaker)
        assert await speaker.frames(1) == texts(start, start + 1)
        assert await speaker.closed() == 1011
    await come_back(speaker)
    assert await speaker.frames(1) == texts(2, 3)
    await speaker.hear_of("live")
    await speaker.websocket.close()


async def test_client_that_never_reads(serve):
    """It costs its bounds and no more, and hears of all, or of a gap, once it reads."""
    speaker = await begin(serve, Chat.as_asgi())
    speaker.websocket.transport.pause_reading()
    for number in range(100):
        await say(str(number) * 50_000)
    speaker.websocket.transport.resume_reading()
    frames, gaps = 0, []
    while frames < 100 and not gaps:
        heard = await speaker.hear()
        frames += isinstance(heard, Frame)
        gaps += [] if isinstance(heard, Frame) or not heard.is_gap else [heard.fields["why"]]
    assert gaps == ([] if frames == 100 else ["lagged"])
    await say("last")
    assert await speaker.frames(1) == ['{"message": "last"}']
    await speaker.websocket.close()


async def test_counters(serve):
    """Answers and replayed messages are counted for the metrics."""
    before, replayed = resume_counters.answers.copy(), resume_counters.messages["replayed"]
    await say("0")
    speaker = await begin(serve, Chat.as_asgi())
    await break_off(speaker)
    await say("0", "1")
    await come_back(speaker)
    await speaker.frames(2)
    await break_off(speaker)
    claim(speaker, offset=0)
    await come_back(speaker, "gap")
    more = resume_counters.answers - before
    assert more == {"new": 1, "ok": 1, "gap:ticket": 1}
    assert resume_counters.messages["replayed"] - replayed == 2
    await speaker.websocket.close()


async def test_layer_without_history(serve):
    """The client is greeted all the same: it notices a dead server, and a refusal."""
    channel_layers.set("default", LocalChannelLayer())
    engine = await serve(Negotiation(Chat.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    await speaker.idle()
    await say("0")
    assert await speaker.raw() == ";" + texts(1)[0]
    await speaker.websocket.close()
    await until(lambda: not engine.context.connections)
