"""One open page in a room.

The page sends      {"type": "say", "text"}, {"type": "typing"}
The page receives   {"type": "welcome", "name", "worker", "messages"}
                    {"type": "message", "id", "author", "text", "at"}
                    {"type": "typing", "name"}

Who is here, and what was said while a page was away, is not this consumer's business: the settings
ask for it, and the page's ResumableSocket is told.
"""

import os
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .models import Message, group_of, recent_messages


class ChatConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = group_of(self.room)
        self.name = name_of_client(self.scope)
        if self.name is None:
            await self.close()
            return
        await self.accept()
        # First join, then look: a message said in between comes twice, and the page knows its id.
        joined = await self.channel_layer.group_add(self.group, self.channel_name)
        # Who comes back has these, and what it missed follows by itself.
        has_all = joined is not None and joined.recovered
        messages = [] if has_all else await recent_messages(self.room)
        welcome = {"name": self.name, "worker": os.getpid(), "messages": messages}
        await self.send_json({"type": "welcome", **welcome})

    # From the page

    async def receive_json(self, content):
        match content:
            case {"type": "say", "text": str(text)} if text.strip():
                await self.say(text.strip()[:2000])
            case {"type": "typing"}:
                typing = {"type": "chat.typing", "id": self.channel_name, "name": self.name}
                await self.channel_layer.group_send(self.group, typing)

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


def name_of_client(scope):
    """The name of a logged in user, or the one that a guest asks for; None without either."""
    if scope["user"].is_authenticated:
        return scope["user"].get_username()[:30]
    query = parse_qs(scope["query_string"].decode())
    return query.get("name", [""])[0].strip()[:30] or None


def describe(scope):
    """How somebody who is here is known to the others in the room, whatever page they have open."""
    return {"key": name_of_client(scope)}
