"""A consumer with a group, behind Channels' routers."""

import asyncio

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncJsonWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

pages = get_asgi_application()
urlpatterns = []


class Counter(AsyncJsonWebsocketConsumer):
    groups = ["customers"]

    async def connect(self):
        if self.scope.get("user") == "thief":
            await self.close()
        else:
            await self.accept(next(iter(self.scope["subprotocols"]), None))

    async def receive_json(self, content):
        if content == "fail":
            raise LookupError("out of stock")
        if content == "bye":
            await self.close(4001)
        else:
            await self.channel_layer.group_send(
                "customers", {"type": "news", "content": [content, self.scope["path"]]}
            )

    async def news(self, event):
        await self.send_json(event["content"])

    async def disconnect(self, code):
        for _ in range(100):  # the client has seen the end long before
            await asyncio.sleep(0)


class Clerk(WebsocketConsumer):
    groups = ["customers"]

    def receive(self, text_data=None, bytes_data=None):
        message = {"type": "news", "content": text_data}
        async_to_sync(self.channel_layer.group_send)("customers", message)

    def news(self, event):
        self.send(event["content"])


routes = [path("counter/<int:number>/", Counter.as_asgi()), path("clerk/", Clerk.as_asgi())]
application = ProtocolTypeRouter({"http": pages, "websocket": URLRouter(routes)})
