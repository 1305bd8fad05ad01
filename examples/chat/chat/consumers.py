"""One open page in a room.

The page sends      {"type": "say", "text"}, {"type": "typing"}, {"type": "here"}
The page receives   {"type": "welcome", "name", "worker", "messages"}
                    {"type": "message", "id", "author", "text", "at"}
                    {"type": "typing", "name"}
                    {"type": "presence", "event": "joined" | "here" | "left", "id", "name"}

Nobody keeps a list of who is present: whoever joins says so to the group, all others answer that
they are here, and each page repeats it now and then. Hence a killed worker leaves no ghosts behind.
"""

import os
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .models import Message, group_of, recent_messages


class ChatConsumer(AsyncJsonWebsocketConsumer):
    name = None

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = group_of(self.room)
        self.name = self.name_of_client()
        if self.name is None:
            await self.close()
            return
        await self.accept()
        # First join, then look: a message said in between comes twice, and the page knows its id.
        await self.channel_layer.group_add(self.group, self.channel_name)
        messages = await recent_messages(self.room)
        welcome = {"name": self.name, "worker": os.getpid(), "messages": messages}
        await self.send_json({"type": "welcome", **welcome})
        await self.announce("joined")

    def name_of_client(self):
        """The name of a logged in user, or the one that a guest asks for; None without either."""
        if self.scope["user"].is_authenticated:
            return self.scope["user"].get_username()[:30]
        query = parse_qs(self.scope["query_string"].decode())
        return query.get("name", [""])[0].strip()[:30] or None

    async def disconnect(self, code):
        if self.name is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)
            await self.announce("left")

    async def announce(self, event):
        presence = {"type": "chat.presence", "event": event}
        await self.channel_layer.group_send(self.group, {**presence, **self.identity()})

    def identity(self):
        return {"id": self.channel_name, "name": self.name}

    # From the page

    async def receive_json(self, content):
        match content:
            case {"type": "say", "text": str(text)} if text.strip():
                await self.say(text.strip()[:2000])
            case {"type": "typing"}:
                typing = {"type": "chat.typing", **self.identity()}
                await self.channel_layer.group_send(self.group, typing)
            case {"type": "here"}:
                await self.announce("here")

    async def say(self, text):
        message = await Message.objects.acreate(room=self.room, author=self.name, text=text)
        event = {"type": "chat.message", "message": message.as_dict()}
        await self.channel_layer.group_send(self.group, event)

    # From the group

    async def chat_message(self, event):
        await self.send_json({"type": "message", **event["message"]})

    async def chat_typing(self, event):
        if event["id"] != self.channel_name:
            await self.send_json({"type": "typing", "name": event["name"]})

    async def chat_presence(self, event):
        await self.send_json({**event, "type": "presence"})
        if event["event"] == "joined" and event["id"] != self.channel_name:
            reply = {"type": "chat.presence", "event": "here", **self.identity()}
            await self.channel_layer.send(event["id"], reply)
