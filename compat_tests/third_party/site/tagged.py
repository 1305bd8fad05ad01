"""Consumers that tell Sentry who their user is, behind the middleware that the guide shows."""

import sentry_sdk
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from compat_tests.guide.pages import block

guide = {"sentry_sdk": sentry_sdk}
exec(block("sentry.md", "python", "class SentryScope"), guide)


class Tagged(AsyncWebsocketConsumer):
    """Fails, in the client's message or in one to its group."""

    groups = ["tagged"]

    async def connect(self):
        sentry_sdk.set_user({"id": self.scope["url_route"]["kwargs"]["name"]})
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "all":
            await self.channel_layer.group_send("tagged", {"type": "fault"})
        else:
            raise RuntimeError("of one client")

    async def fault(self, event):
        raise RuntimeError("of all")


routes = URLRouter([path("<str:name>/", Tagged.as_asgi())])
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": guide["SentryScope"](routes)}
)
