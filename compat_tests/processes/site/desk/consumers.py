"""Consumers that are asked to do something, in the event loop or in a thread."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer

from . import chores


class Desk(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(getattr(chores, content[0])(*content[1:]))


class SyncDesk(JsonWebsocketConsumer):
    def receive_json(self, content):
        self.send_json(getattr(chores, content[0])(*content[1:]))
