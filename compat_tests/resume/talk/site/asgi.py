"""The application: rooms whose members get what the script says, each message in its own way.

A client at ``/room/NAME/`` is a member. One at ``/say/`` sends ``[NAME, first, end]`` to have those
messages of the script said in that room, and gets the same back once they are.
"""

from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from compat_tests.resume.talk.site.script import SCRIPT


class Listener(AsyncWebsocketConsumer):
    async def connect(self):
        self.groups = [self.scope["url_route"]["kwargs"]["room"]]
        await self.channel_layer.group_add(self.groups[0], self.channel_name)
        await self.accept()

    async def talk_text(self, event):
        for frame in event["frames"]:
            await self.send(text_data=frame)

    async def talk_binary(self, event):
        for frame in event["frames"]:
            await self.send(bytes_data=frame.encode())

    async def talk_filtered(self, event):
        """It is not for this one."""


class Sayer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        room, first, end = content
        for kind, frames in SCRIPT[first:end]:
            await self.channel_layer.group_send(room, {"type": f"talk.{kind}", "frames": frames})
        await self.send_json(content)


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [path("room/<str:room>/", Listener.as_asgi()), path("say/", Sayer.as_asgi())]
        ),
    }
)
