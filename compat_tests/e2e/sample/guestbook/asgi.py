"""One page, which shows the names of all guests, and anew when one signs."""

from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

from channels_bridge.db import database_sync_to_async
from channels_bridge.generic.websocket import AsyncJsonWebsocketConsumer
from channels_bridge.routing import ProtocolTypeRouter, URLRouter

PAGE = """<!doctype html>
<title>Guestbook</title>
<link rel="icon" href="data:,">
<form><input id="name"></form>
<p id="guests"></p>
<script src="/static/guestbook/guestbook.js"></script>
"""

pages = get_asgi_application()

from django.contrib.auth.models import User  # noqa: E402 - once Django is set up


class Guestbook(AsyncJsonWebsocketConsumer):
    """Enters a guest's name, and shows all names on every page that is open."""

    groups = ["guests"]

    async def connect(self):
        await self.accept()
        await self.signed()

    async def receive_json(self, content):
        await User.objects.acreate(username=content["name"])
        await self.channel_layer.group_send("guests", {"type": "signed"})

    async def signed(self, event=None):
        await self.send_json(await self.names())

    @database_sync_to_async
    def names(self):
        return list(User.objects.order_by("pk").values_list("username", flat=True))


urlpatterns = [path("", lambda request: HttpResponse(PAGE))]

application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("guests/", Guestbook.as_asgi())])}
)
