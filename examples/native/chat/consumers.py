"""One open page in a room.

The page sends      {"type": "say", "text"}, {"type": "typing"}
The page receives   {"type": "welcome", "name", "worker", "messages"}
                    {"type": "message", "id", "author", "text", "at"}
                    {"type": "typing", "name"}

Who is here, and what was said while a page was away, is not this consumer's business: the settings
ask for it, and the page's ResumableSocket is told.
"""

import json
import os
from urllib.parse import parse_qs

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage
from channels_bridge.transport import get_channel_layer

from .models import Message, group_of, recent_messages


class ChatConsumer(BaseConsumer):
    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = name_of_client(self.scope)
        if self.name is None:
            return await self.reject()
        # First join, then look: a message said in between comes twice, and the page knows its id.
        joined = await get_channel_layer().group_add(group_of(self.room), self)
        # Who comes back has these, and what it missed follows by itself.
        messages = [] if joined.recovered else await recent_messages(self.room)
        await self.send_json("welcome", name=self.name, worker=os.getpid(), messages=messages)

    async def tell_room(self, type, message=None, **params):
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
                await self.tell_room("chat_typing", id=self.channel_name, name=self.name)

    async def say(self, text):
        message = await Message.objects.acreate(room=self.room, author=self.name, text=text)
        await self.tell_room("chat_message", message.as_dict())

    # From the room

    async def chat_message(self, event: GroupMessage):
        await self.send_json("message", **event.message)

    async def chat_typing(self, event: GroupMessage):
        if event.params["id"] != self.channel_name:
            await self.send_json("typing", name=event.params["name"])


def name_of_client(scope):
    """The name that a guest asks for; None without one."""
    query = parse_qs(scope["query_string"].decode())
    return query.get("name", [""])[0].strip()[:30] or None


def describe(scope):
    """How somebody who is here is known to the others in the room, whatever page they have open."""
    return {"key": name_of_client(scope)}
