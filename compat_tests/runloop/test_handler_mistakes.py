"""Handlers that are misspelt, or not awaited as they are written: the log names them."""

from __future__ import annotations

import pytest
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import get_channel_layer
from websockets.exceptions import ConnectionClosed, InvalidStatus

HERE = __name__
PLAIN = "is not async, but is awaited, as its class is asynchronous: write `async def"


class Room(AsyncWebsocketConsumer):
    groups = ["room"]

    async def chat_message(self, event):
        await self.send(event["text"])


class SyncRoom(WebsocketConsumer):
    groups = ["room"]

    def chat_message(self, event):
        self.send(event["text"])


@pytest.mark.parametrize("room", [Room, SyncRoom])
@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "chat.mesage"}, "has no method chat_mesage(); did you mean chat_message()?"),
        ({"type": "player.left"}, "has no method player_left(); write it, or send another type"),
        ({"text": "hello"}, "Incoming message has no 'type' attribute: its \"type\" names the"),
        ({"type": "_chat"}, 'names the method of the consumer that gets it: "chat.message" for'),
    ],
)
async def test_messages_without_a_handler(serve, caplog, room, message, words):
    """A message that no handler takes says which was meant, or what names one."""
    engine = await serve(room.as_asgi())
    async with engine.connect() as websocket:
        await get_channel_layer().group_send("room", message)
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
    await engine.idle()
    assert words in caplog.text
    if message.get("type", "_")[0] != "_":
        assert f"{HERE}.{room.__name__} has no method" in caplog.text


class PlainHandler(AsyncWebsocketConsumer):
    groups = ["room"]

    def chat_message(self, event):
        """What isn't async returns nothing to await."""


class PlainReceive(AsyncWebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        """It is awaited by Channels."""


class PlainJson(AsyncJsonWebsocketConsumer):
    def receive_json(self, content, **kwargs):
        """It is awaited by another handler of Channels."""


@pytest.mark.parametrize(
    ("consumer", "method"),
    [
        (PlainHandler, "chat_message"),
        (PlainReceive, "receive"),
        (PlainJson, "receive_json"),
    ],
)
async def test_plain_methods_of_an_asynchronous_consumer(serve, caplog, consumer, method):
    """Python says that None can't be awaited; the log says what was."""
    engine = await serve(consumer.as_asgi())
    async with engine.connect() as websocket:
        await get_channel_layer().group_send("room", {"type": "chat.message"})
        await websocket.send("{}")
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
    await engine.idle()
    assert caplog.text.count(f"{HERE}.{consumer.__name__}.{method}() {PLAIN} {method}`") == 1


class PlainConnect(AsyncWebsocketConsumer):
    def connect(self):
        """It can't accept: that is async."""


async def test_a_plain_connect(serve, caplog):
    """It is refused, as by any error, and named."""
    engine = await serve(PlainConnect.as_asgi())
    with pytest.raises(InvalidStatus):
        async with engine.connect():
            pass
    await engine.idle()
    assert f"{HERE}.PlainConnect.connect() {PLAIN} connect`" in caplog.text


class Correct(AsyncWebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        return self.send("x" + 1)

    async def disconnect(self, code):
        len(code)


async def test_errors_of_correct_handlers(serve, caplog):
    """A method that returns something to await is fine, and what the project's code raises is its
    own.
    """
    engine = await serve(Correct.as_asgi())
    async with engine.connect() as websocket:
        await websocket.send("{}")
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
    await engine.idle()
    assert "TypeError" in caplog.text
    assert PLAIN not in caplog.text


class AsyncInSync(WebsocketConsumer):
    groups = ["room"]

    async def chat_message(self, event):
        """Nothing of it is ever run."""

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data)


async def test_async_handlers_of_a_synchronous_consumer(serve, caplog):
    """What nothing awaits doesn't happen, which is said once; the connection goes on."""
    engine = await serve(AsyncInSync.as_asgi())
    async with engine.connect() as websocket:
        for _ in range(2):
            await get_channel_layer().group_send("room", {"type": "chat.message"})
        await websocket.send("here")
        assert await websocket.recv() == "here"
    words = "AsyncInSync.chat_message() is async, but nothing awaits it, as its class is"
    assert caplog.text.count(words) == 1
    assert "write `def chat_message`, or derive the class from an async" in caplog.text
