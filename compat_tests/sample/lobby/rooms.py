"""Consumers that talk to each other through the channel layer."""

import json

from asgiref.sync import async_to_sync
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from lobby.events import record


class RoomConsumer(AsyncWebsocketConsumer):
    """A chat room, as in the Channels tutorial."""

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        message = {"type": "room.message", "text": json.loads(text_data)["text"]}
        await self.channel_layer.group_send(self.room, message)

    async def room_message(self, event):
        await self.send(json.dumps({"text": event["text"]}))

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)
        await self.channel_layer.group_discard(self.room, self.channel_name)


class SyncRoomConsumer(WebsocketConsumer):
    """The same room, synchronously."""

    def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        async_to_sync(self.channel_layer.group_add)(self.room, self.channel_name)
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        message = {"type": "room.message", "text": json.loads(text_data)["text"]}
        async_to_sync(self.channel_layer.group_send)(self.room, message)

    def room_message(self, event):
        self.send(json.dumps({"text": event["text"]}))

    def disconnect(self, code):
        record(self.scope, "disconnect", code=code)
        async_to_sync(self.channel_layer.group_discard)(self.room, self.channel_name)


class NewsConsumer(AsyncJsonWebsocketConsumer):
    """Member of a group by declaration; what it is sent goes to the whole group."""

    groups = ["news"]

    async def receive_json(self, content, **kwargs):
        await self.channel_layer.group_send("news", {"type": "room.message", **content})

    async def room_message(self, event):
        await self.send_json({"text": event["text"]})


class SyncNewsConsumer(JsonWebsocketConsumer):
    """A member of a group that it names in its class."""

    groups = ["news"]

    def receive_json(self, content, **kwargs):
        async_to_sync(self.channel_layer.group_send)("news", {"type": "room.message", **content})

    def room_message(self, event):
        self.send_json({"text": event["text"]})


class DirectConsumer(AsyncJsonWebsocketConsumer):
    """Says its channel name, and passes messages to any other channel."""

    async def connect(self):
        await self.accept()
        await self.send_json({"channel": self.channel_name})

    async def receive_json(self, content, **kwargs):
        message = {"type": "direct.message", "text": content["text"]}
        await self.channel_layer.send(content["to"], message)

    async def direct_message(self, event):
        await self.send_json({"text": event["text"]})
