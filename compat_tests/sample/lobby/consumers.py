"""Consumers of every kind that Channels offers, each for one thing that a server must get right."""

import asyncio
import json

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from lobby.events import record


class EchoConsumer(AsyncWebsocketConsumer):
    """Sends back what it receives, and records its beginning and end."""

    async def connect(self):
        record(self.scope, "connect")
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class SyncEchoConsumer(WebsocketConsumer):
    """The same, synchronous."""

    def connect(self):
        record(self.scope, "connect")
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)

    def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class JsonConsumer(AsyncJsonWebsocketConsumer):
    """Answers JSON with JSON."""

    async def receive_json(self, content, **kwargs):
        await self.send_json({"got": content})

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class SyncJsonConsumer(JsonWebsocketConsumer):
    """The same, synchronous."""

    def receive_json(self, content, **kwargs):
        self.send_json({"got": content})

    def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class ScopeConsumer(AsyncWebsocketConsumer):
    """Says what it was told about the connection."""

    async def connect(self):
        await self.accept()
        user = self.scope["user"]
        told = {key: plain(self.scope[key]) for key in sorted(self.scope) if key in PLAIN_KEYS}
        told |= {
            "keys": sorted(self.scope),
            "user": user.get_username(),
            "session": self.scope["session"].session_key,
        }
        await self.send(json.dumps(told))


PLAIN_KEYS = {
    "type", "path", "raw_path", "root_path", "headers", "query_string", "client", "server",
    "subprotocols", "url_route", "cookies", "path_remaining",
}  # fmt: skip


def plain(value):
    """`value` as JSON can hold it: bytes become Latin-1 text."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return value


class SubprotocolConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        offered = self.scope["subprotocols"]
        await self.accept(subprotocol="chat.v2" if "chat.v2" in offered else None)


class HeadersConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept(headers=[(b"x-lobby", b"open"), (b"set-cookie", b"seat=7")])


class CloseConsumer(AsyncJsonWebsocketConsumer):
    """Closes with the code and reason that it is sent."""

    async def receive_json(self, content, **kwargs):
        await self.close(content.get("code"), content.get("reason"))

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class LastWordConsumer(AsyncWebsocketConsumer):
    """Sends its last message and closes in one call."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.send("bye", close=int(text_data) if text_data else True)


class EmptyFramesConsumer(AsyncWebsocketConsumer):
    """Sends a text and bytes that are empty, and then a text that is not."""

    async def connect(self):
        await self.accept()
        await self.send(text_data="")
        await self.send(bytes_data=b"")
        await self.send(text_data="end")


class SlowConsumer(AsyncWebsocketConsumer):
    """Takes a while over each message; says how many it is handling at once."""

    handling = 0

    async def receive(self, text_data=None, bytes_data=None):
        self.handling += 1
        await asyncio.sleep(0.01)
        await self.send(f"{text_data} {self.handling}")
        self.handling -= 1


class GreetingConsumer(WebsocketConsumer):
    """Greets as the `as_asgi()` of its route says."""

    def __init__(self, *args, greeting="Hello", **kwargs):
        super().__init__(*args, **kwargs)
        self.greeting = greeting

    def connect(self):
        self.accept()
        self.send(self.greeting)
