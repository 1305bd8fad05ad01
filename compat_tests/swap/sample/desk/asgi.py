"""The desk as an ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
pages = get_asgi_application()

import channels.layers  # noqa: E402
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from desk import consumers  # noqa: E402

layer = channels.layers.get_channel_layer()

sockets = [
    path("tickets/", consumers.TicketsConsumer.as_asgi()),
    path("account/", consumers.AccountConsumer.as_asgi()),
    path("staff/", consumers.StaffConsumer.as_asgi()),
]

application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                path("export/", consumers.ExportConsumer.as_asgi()),
                path("wait/", consumers.WaitConsumer.as_asgi()),
                re_path("", pages),
            ]
        ),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/", URLRouter(sockets))]))
        ),
        "channel": ChannelNameRouter(
            {"mail": consumers.MailWorker.as_asgi(), "print": consumers.PrintWorker.as_asgi()}
        ),
    }
)
