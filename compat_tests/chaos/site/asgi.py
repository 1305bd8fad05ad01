"""The application: rooms, as in the Channels tutorial, whose members are told what became of what
they said.

Clients send ``[number, text]`` to say something, ``[number, bytes]`` to be sent so many bytes, and
``[number, null]`` to be told who is there: ``["present", number, names]``. They
get ``["joined", pid]``, ``["accepted", number]`` or ``["refused", number]``, and of each message of
anybody in the room ``["said", sender, number]``.
"""

import os

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from channels_bridge.exceptions import TransportUnavailable

#: What a connection is closed with whose room can't be joined, in this project.
NO_GROUPS = 4503

PORTION = 100_000  # bytes


def describe(scope):
    """For presence: a client is the same one over all of its connections."""
    name = scope["url_route"]["kwargs"]["name"]
    return {"key": name.rpartition(".")[0]}


class Visitor(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.room, self.name = self.scope["url_route"]["kwargs"].values()
        await self.accept()
        try:
            await self.channel_layer.group_add(self.room, self.channel_name)
        except TransportUnavailable:
            await self.close(NO_GROUPS)
        else:
            await self.send_json(["joined", os.getpid()])

    async def receive_json(self, content):
        number, what = content
        if what is None:
            members = await self.channel_layer.presence(self.room)
            await self.send_json(["present", number, [member.key for member in members]])
        elif isinstance(what, int):
            await self.fill(what)
        else:
            await self.say(number, what)

    async def say(self, number, text):
        message = {"type": "said", "sender": self.name, "number": number, "text": text}
        try:
            await self.channel_layer.group_send(self.room, message)
        except TransportUnavailable:
            await self.send_json(["refused", number])
        else:
            await self.send_json(["accepted", number])

    async def said(self, message):
        await self.send_json(["said", message["sender"], message["number"]])

    async def fill(self, size):
        for _ in range(0, size, PORTION):
            await self.send_json(["filler", "." * PORTION])

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room, self.channel_name)


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("<str:room>/<str:name>/", Visitor.as_asgi())]),
    }
)
