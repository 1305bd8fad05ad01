"""The measured consumers, as one finds them in projects."""

import json
import time

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer


class ChatConsumer(AsyncWebsocketConsumer):
    """The Channels tutorial's: JSON in, a group message, JSON out."""

    async def connect(self):
        self.group = f"chat_{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(
            self.group, {"type": "chat.message", "message": message}
        )

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class OwnChatConsumer(ChatConsumer):
    """The chat that tells each member which messages are its own."""

    async def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(
            self.group, {"type": "chat.message", "message": message, "by": self.channel_name}
        )

    async def chat_message(self, event):
        is_own = event["by"] == self.channel_name
        await self.send(text_data=json.dumps({"message": event["message"], "own": is_own}))


class RoomsConsumer(AsyncWebsocketConsumer):
    """In several rooms at once; messages say which one they are for."""

    async def connect(self):
        room = self.scope["url_route"]["kwargs"]
        rooms = range(room["first"], room["first"] + room["count"])
        self.groups = [f"room_{number}" for number in rooms]
        for group in self.groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        content = json.loads(text_data)
        await self.channel_layer.group_send(
            f"room_{content['room']}", {"type": "room.message", "message": content["message"]}
        )

    async def room_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class EchoConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


class CyclesConsumer(AsyncWebsocketConsumer):
    """Refers to itself by what it keeps, and so is left to the garbage collector."""

    async def connect(self):
        self.commands = {"say": self.say, "leave": self.close}
        self.panels = [{"name": name, "owner": self} for name in self.commands]
        await self.accept()

    async def say(self, text):
        await self.send(text_data=text)


class SyncChatConsumer(WebsocketConsumer):
    """The chat, written without async."""

    def connect(self):
        self.group = f"chat_{self.scope['url_route']['kwargs']['room']}"
        async_to_sync(self.channel_layer.group_add)(self.group, self.channel_name)
        self.accept()

    def disconnect(self, code):
        async_to_sync(self.channel_layer.group_discard)(self.group, self.channel_name)

    def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)["message"]
        async_to_sync(self.channel_layer.group_send)(
            self.group, {"type": "chat.message", "message": message}
        )

    def chat_message(self, event):
        self.send(text_data=json.dumps({"message": event["message"]}))


class SleepyConsumer(WebsocketConsumer):
    """Waits a second for each message, as for a slow query."""

    def receive(self, text_data=None, bytes_data=None):
        time.sleep(1)
