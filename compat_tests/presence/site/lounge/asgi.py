"""Rooms, and a worker that notes who comes and goes."""

import os

from channels.consumer import SyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path


class Quiet(AsyncJsonWebsocketConsumer):
    """One that knows nothing of presence."""

    async def connect(self):
        kwargs = self.scope["url_route"]["kwargs"]
        await self.channel_layer.group_add(kwargs["group"], self.channel_name)
        await self.accept()

    async def receive_json(self, content):
        if content == "pid":
            await self.send_json(os.getpid())
        else:
            await self.channel_layer.group_send(
                self.scope["url_route"]["kwargs"]["group"], {"type": "room.said", "text": content}
            )

    async def room_said(self, event):
        await self.send_json(event["text"])


class Told(Quiet):
    """One that is told."""

    async def presence_changed(self, event):
        await self.send_json(event)


class SyncTold(JsonWebsocketConsumer):
    """One that is told, in a thread, and joins as consumers with ``groups`` do."""

    groups = ["room.sync"]

    def presence_changed(self, event):
        self.send_json(event)


class Seen(SyncConsumer):
    """Writes down who has come and who has gone."""

    def note(self, event):
        """One line for each."""
        with open(os.environ["SEEN"], "a") as file:
            print(event["type"], event["group"], event["key"], event["info"]["name"], file=file)

    presence_join = presence_left = note


rooms = [
    path("quiet/<group>/<key>/", Quiet.as_asgi()),
    path("told/<group>/<key>/", Told.as_asgi()),
    path("sync/<group>/<key>/", SyncTold.as_asgi()),
]
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(rooms),
        "channel": ChannelNameRouter({"presence": Seen.as_asgi()}),
    }
)
