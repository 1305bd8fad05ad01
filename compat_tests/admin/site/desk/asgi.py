"""Rooms, whose members are known by their names."""

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

pages = get_asgi_application()


def describe(scope):
    user = scope["user"]
    return {"key": user.pk, "info": {"name": str(user)}} if user.is_authenticated else None


class Room(AsyncWebsocketConsumer):
    async def connect(self):
        group = self.scope["url_route"]["kwargs"]["group"]
        await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()


rooms = [path("ws/<group>/", Room.as_asgi())]
application = ProtocolTypeRouter(
    {"http": pages, "websocket": AuthMiddlewareStack(URLRouter(rooms))}
)
