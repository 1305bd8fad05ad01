"""One group, in which everybody hears what anybody says."""

import os

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter


class Chat(AsyncWebsocketConsumer):
    """Tells where it runs and what it sees of the URL, and passes on what is said."""

    async def connect(self):
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()
        await self.send(f"{os.getpid()} {self.scope['query_string'].decode()}")

    async def receive(self, text_data):
        await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

    async def chat_message(self, event):
        await self.send(event["text"])


application = ProtocolTypeRouter({"websocket": Chat.as_asgi()})
