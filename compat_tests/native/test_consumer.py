"""Guarantees to a native consumer, over ASGI."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import iscoroutinefunction

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage
from channels_bridge.native.websocket import WebSocketClosed
from channels_bridge.transport import get_channel_layer


class Recorder(BaseConsumer):
    """Remembers the codes that disconnect() was called with."""

    codes: list[int]

    def __init__(self, codes=None):
        self.codes = [] if codes is None else codes

    async def disconnect(self, code):
        self.codes.append(code)


class Echo(Recorder):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data if bytes_data is None else bytes_data)


class Member(Recorder):
    """Sends what it receives to its group, and shows the whole of each group message."""

    async def connect(self):
        await get_channel_layer().group_add("room", self)

    async def receive(self, text_data):
        message = GroupMessage("chat.message", message=text_data, params={"from": "me"})
        await get_channel_layer().group_send("room", message)

    async def chat_message(self, event: GroupMessage):
        await self.send(json.dumps([event.type, event.message, event.params]))


@pytest.fixture
def left(monkeypatch):
    """The names of the channels that have left the layer."""
    names = []
    layer = get_channel_layer()
    detach = layer.detach
    monkeypatch.setattr(layer, "detach", lambda name: (names.append(name), detach(name)))
    return names


async def test_accepts_after_connect(client):
    """The handshake is accepted when connect() returns, and messages go both ways."""
    websocket = client(Echo)
    assert await websocket.connect() == (True, None)
    await websocket.send_to(text_data="hello")
    assert await websocket.receive_from() == "hello"
    await websocket.send_to(bytes_data=b"\x00\x01")
    assert await websocket.receive_from() == b"\x00\x01"
    await websocket.disconnect()


async def test_send_accepts_first(client):
    """A send() inside connect() accepts the connection before it sends."""

    class Greeter(BaseConsumer):
        async def connect(self):
            await self.send("welcome")
            assert await self.scope["session"].aget("nothing") is None

    websocket = client(Greeter)
    assert await websocket.connect() == (True, None)
    assert await websocket.receive_from() == "welcome"
    await websocket.disconnect()


async def test_accept_with_subprotocol_and_headers(client):
    """A consumer may accept by itself, with a subprotocol and headers."""

    class Chooser(BaseConsumer):
        async def connect(self):
            await self.accept("soap", [(b"x-greeting", b"hello")])

    websocket = client(Chooser)
    assert await websocket.connect() == (True, "soap")
    assert websocket.response_headers == [(b"x-greeting", b"hello")]
    await websocket.disconnect()


@pytest.mark.parametrize("method", ["reject", "close"])
async def test_refuses_the_handshake(client, method):
    """reject() or close() in connect() refuses the handshake; disconnect(1006) runs, once."""

    class Refuser(Recorder):
        async def connect(self):
            await getattr(self, method)()

    codes = []
    websocket = client(Refuser, codes=codes)
    connected, _ = await websocket.connect()
    await websocket.wait()
    assert not connected
    assert codes == [1006]


async def test_reject_can_be_overridden(client):
    """A reject() of the consumer's own may call close()."""

    class Refuser(Recorder):
        async def connect(self):
            if not self.scope["user"].is_authenticated:
                return await self.reject()

        async def reject(self):
            await self.close()

    codes = []
    websocket = client(Refuser, codes=codes)
    assert (await websocket.connect())[0] is False
    await websocket.wait()
    assert codes == [1006]


async def test_reject_after_accepting(client):
    """reject() on an open connection closes it with 1008."""

    class Refuser(Recorder):
        async def receive(self, text_data):
            await self.reject()

    codes = []
    websocket = client(Refuser, codes=codes)
    await websocket.connect()
    await websocket.send_to(text_data="let me in")
    assert (await websocket.receive_output())["code"] == 1008
    await websocket.wait()
    assert codes == [1008]


async def test_client_closes(client):
    """disconnect() is told the client's code, once."""
    codes = []
    websocket = client(Echo, codes=codes)
    await websocket.connect()
    await websocket.disconnect(code=4321)
    assert codes == [4321]


async def test_consumer_closes(client):
    """After close() there is only disconnect(), with the consumer's own code."""

    class Closer(Recorder):
        async def receive(self, text_data):
            await self.close(4123, "enough")
            await self.close(4124)
            with pytest.raises(WebSocketClosed, match="cannot send on this WebSocket"):
                await self.send("one more")

    codes = []
    websocket = client(Closer, codes=codes)
    await websocket.connect()
    await websocket.send_to(text_data="go")
    await websocket.send_to(text_data="go on")
    closed = {"type": "websocket.close", "code": 4123, "reason": "enough"}
    assert await websocket.receive_output() == closed
    await websocket.wait()
    assert codes == [4123]
    assert await websocket.receive_nothing()


@pytest.mark.parametrize("handler", ["connect", "receive", "chat_message", "disconnect"])
async def test_exception(client, left, handler):
    """An exception reaches the server, after one disconnect() and when all groups are left."""

    class Faulty(Member):
        pass

    async def fail(self, *args):
        if handler == "disconnect":
            self.codes.append(args[0])
        elif handler == "connect":
            await super(Faulty, self).connect()
        raise ZeroDivisionError(handler)

    setattr(Faulty, handler, fail)
    codes = []
    websocket = client(Faulty, codes=codes)
    if handler == "connect":
        await websocket.send_input({"type": "websocket.connect"})
    else:
        await websocket.connect()
    if handler in ("receive", "chat_message"):
        await websocket.send_to(text_data="boom")
    if handler == "disconnect":
        await websocket.send_input({"type": "websocket.disconnect", "code": 1001})
    with pytest.raises(ZeroDivisionError, match=handler):
        await websocket.wait()
    assert codes == [1001 if handler == "disconnect" else 1011]
    await get_channel_layer().group_send("room", {"type": "nobody.home"})
    assert len(left) == 1


async def test_cancelled(client, left):
    """A consumer that the server cancels gets its disconnect() and leaves its groups."""
    codes = []
    websocket = client(Member, codes=codes)
    await websocket.connect()
    websocket.stop(exceptions=False)
    with pytest.raises(asyncio.CancelledError):
        await websocket.future
    assert codes == [1011]
    await get_channel_layer().group_send("room", {"type": "nobody.home"})
    assert len(left) == 1


async def test_client_gone(client):
    """Sending to a client that has left is no error."""
    codes = []

    class Late(Recorder):
        async def disconnect(self, code):
            await self.send("bye")
            await self.close()
            await super().disconnect(code)

    websocket = client(Late, codes=codes)
    await websocket.connect()
    await websocket.disconnect(code=1001)
    assert codes == [1001]
    assert await websocket.receive_nothing()


async def test_kind_not_taken(client):
    """A binary message for a consumer that takes text is refused with 1003."""

    class TextOnly(Recorder):
        async def receive(self, text_data):
            raise AssertionError("not called")

    codes = []
    websocket = client(TextOnly, codes=codes)
    await websocket.connect()
    await websocket.send_to(bytes_data=b"\x00")
    closed = await websocket.receive_output()
    assert (closed["code"], closed["reason"]) == (1003, "binary messages are not accepted here")
    await websocket.wait()
    assert codes == [1003]


async def test_one_at_a_time(client):
    """Handlers run one at a time, in the order of arrival, socket and group alike."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    notes = []

    class Slow(Member):
        async def receive(self, text_data):
            notes.append(f"{text_data} begins")
            begun.set()
            await may_end.wait()
            notes.append(f"{text_data} ends")

        async def chat_message(self, event):
            await self.receive(event.message)
            await self.close()

    websocket = client(Slow)
    await websocket.connect()
    await websocket.send_to(text_data="first")
    await begun.wait()
    await get_channel_layer().group_send("room", GroupMessage("chat_message", "second"))
    assert await websocket.receive_nothing()
    may_end.set()
    await websocket.wait()
    assert notes == ["first begins", "first ends", "second begins", "second ends"]


async def test_group_message(client):
    """A GroupMessage calls the method named by its type with type, message and params."""
    websocket = client(Member)
    await websocket.connect()
    await websocket.send_to(text_data="hello")
    assert await websocket.receive_json_from() == ["chat.message", "hello", {"from": "me"}]
    await websocket.disconnect()


@pytest.mark.parametrize(
    ("event", "message", "params"),
    [
        ({"message": "hi", "params": {"a": 1}}, "hi", {"a": 1}),
        ({"message": "hi", "a": 1}, "hi", {"a": 1}),
        ({"a": 1}, None, {"a": 1}),
        ({}, None, None),
    ],
)
async def test_dict_from_channels(client, event, message, params):
    """A dict that a Channels consumer sends to the group arrives as a GroupMessage."""
    websocket = client(Member)
    await websocket.connect()
    await get_channel_layer().group_send("room", {"type": "chat.message", **event})
    assert await websocket.receive_json_from() == ["chat.message", message, params]
    await websocket.disconnect()


async def test_layer_of_channels(client, settings):
    """On a layer that isn't ours a consumer joins by its channel name, and gets GroupMessages."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

    class Named(Member):
        async def connect(self):
            await get_channel_layer().group_add("room", self.channel_name)

    websocket = client(Named)
    await websocket.connect()
    await get_channel_layer().group_send("room", {"type": "chat.message", "message": "hi"})
    assert await websocket.receive_json_from() == ["chat.message", "hi", None]
    await websocket.disconnect()


async def test_no_layer(client, settings):
    """A consumer needs no layer unless it uses one."""
    settings.CHANNEL_LAYERS = {}
    websocket = client(Echo)
    await websocket.connect()
    await websocket.send_to(text_data="hello")
    assert await websocket.receive_from() == "hello"
    await websocket.disconnect()


async def test_lagging_consumer(client):
    """While a consumer lags, its client is not read further; later it gets all, in order."""
    may_go_on = asyncio.Event()

    class Lagging(Echo):
        async def receive(self, text_data):
            await may_go_on.wait()
            await super().receive(text_data)

    websocket = client(Lagging)
    await websocket.connect()
    for number in range(100):
        await websocket.send_to(text_data=str(number))
    assert await websocket.receive_nothing()
    assert websocket.input_queue.qsize() > 50
    may_go_on.set()
    assert [await websocket.receive_from() for _ in range(100)] == list(map(str, range(100)))
    await websocket.disconnect()


@pytest.mark.parametrize(
    ("type", "text"),
    [("_converse", "leading underscore"), ("chat.joke", "no method 'chat_joke'")],
)
async def test_group_message_without_handler(client, type, text):
    """A message type that names no public method is an error of the code, and says which."""
    websocket = client(Member)
    await websocket.connect()
    await get_channel_layer().group_send("room", GroupMessage(type))
    with pytest.raises(ValueError, match=text):
        await websocket.wait()


async def test_initkwargs(client):
    """as_handler() sets attributes that the class has, on each consumer."""

    class Greeter(BaseConsumer):
        greeting = "hello"

        async def connect(self):
            await self.send(self.greeting)

    websocket = client(Greeter, greeting="good evening")
    await websocket.connect()
    assert await websocket.receive_from() == "good evening"
    await websocket.disconnect()
    with pytest.raises(TypeError, match="Greeter has no attribute 'greting' to set"):
        Greeter(greting="hello")


def test_handler_says_what_it_is():
    """as_handler() returns a coroutine function that knows its class, as as_asgi() does."""
    handler = Echo.as_handler(codes=[])
    assert iscoroutinefunction(handler)
    assert handler.__name__ == "Echo"
    assert handler.consumer_class is Echo
    assert handler.consumer_initkwargs == {"codes": []}


async def test_send_type(client):
    """Anything but str and bytes is refused where it is sent."""

    class Faulty(BaseConsumer):
        async def connect(self):
            await self.send({"text": "hello"})

    websocket = client(Faulty)
    await websocket.send_input({"type": "websocket.connect"})
    with pytest.raises(TypeError, match="a WebSocket sends str or bytes, not dict"):
        await websocket.wait()
