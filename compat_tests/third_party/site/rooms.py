"""channels_redis: rooms whose messages go through Redis."""

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path


class Room(AsyncWebsocketConsumer):
    """Says to the room what it receives, and when it leaves; or fails, as it is told."""

    groups = ["room"]

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "fail":
            raise RuntimeError("as it was told to")
        await self.say(text_data)

    async def room_message(self, event):
        await self.send(event["text"])

    async def room_fault(self, event):
        raise RuntimeError(event["text"])

    async def disconnect(self, code):
        await self.say(f"left {code}")

    async def say(self, text):
        message = {"type": "room.message", "text": text}
        await self.channel_layer.group_send(self.groups[0], message)


class OtherRoom(Room):
    groups = ["other-room"]


class SyncRoom(WebsocketConsumer):
    """The same, synchronous."""

    groups = ["sync-room"]

    def receive(self, text_data=None, bytes_data=None):
        message = {"type": "room.message", "text": text_data}
        async_to_sync(self.channel_layer.group_send)(self.groups[0], message)

    def room_message(self, event):
        self.send(event["text"])


routes = [
    path("room/", Room.as_asgi()),
    path("other-room/", OtherRoom.as_asgi()),
    path("sync-room/", SyncRoom.as_asgi()),
]
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter(routes)})
