"""One open page in a room.

The page sends      {"type": "say", "text"}, {"type": "typing"}, {"type": "here"}
The page receives   {"type": "welcome", "name", "worker", "messages"}
                    {"type": "message", "id", "author", "text", "at"}
                    {"type": "typing", "name"}
                    {"type": "presence", "event": "joined" | "here" | "left", "id", "name"}

Nobody keeps a list of who is present: whoever joins says so to the group, all others answer that
they are here, and each page repeats it now and then. Hence a killed worker leaves no ghosts behind.
"""

import json
import os
from urllib.parse import parse_qs

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage
from channels_bridge.transport import get_channel_layer

from .models import Message, group_of, recent_messages


class ChatConsumer(BaseConsumer):
    name = None

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        query = parse_qs(self.scope["query_string"].decode())
        name = query.get("name", [""])[0].strip()[:30]
        if not name:
            return await self.reject()
        self.name = name
        # First join, then look: a message said in between comes twice, and the page knows its id.
        await get_channel_layer().group_add(group_of(self.room), self)
        messages = await recent_messages(self.room)
        await self.send_json("welcome", name=name, worker=os.getpid(), messages=messages)
        await self.tell_room("chat_presence", event="joined")

    async def disconnect(self, code):
        if self.name is not None:
            await self.tell_room("chat_presence", event="left")

    async def tell_room(self, type, message=None, **params):
        params = {"id": self.channel_name, "name": self.name, **params}
        group = group_of(self.room)
        await get_channel_layer().group_send(group, GroupMessage(type, message, params))

    async def send_json(self, type, **content):
        await self.send(json.dumps({"type": type, **content}))

    # From the page

    async def receive(self, text_data):
        match json.loads(text_data):
            case {"type": "say", "text": str(text)} if text.strip():
                await self.say(text.strip()[:2000])
            case {"type": "typing"}:
                await self.tell_room("chat_typing")
            case {"type": "here"}:
                await self.tell_room("chat_presence", event="here")

    async def say(self, text):
        message = await Message.objects.acreate(room=self.room, author=self.name, text=text)
        await self.tell_room("chat_message", message.as_dict())

    # From the room

    async def chat_message(self, event: GroupMessage):
        await self.send_json("message", **event.message)

    async def chat_typing(self, event: GroupMessage):
        if event.params["id"] != self.channel_name:
            await self.send_json("typing", name=event.params["name"])

    async def chat_presence(self, event: GroupMessage):
        await self.send_json("presence", **event.params)
        newcomer = event.params["event"] == "joined" and event.params["id"] != self.channel_name
        if newcomer:
            await self.tell_room("chat_presence", event="here")
