"""The measured application."""

from django.core.asgi import get_asgi_application

django_asgi_app = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import path  # noqa: E402

from . import consumers, shared  # noqa: E402

ROUTES = [
    path("ws/chat/<room>/", consumers.ChatConsumer.as_asgi()),
    path("ws/shared/<room>/", shared.SharedChatConsumer.as_asgi()),
    path("ws/own/<room>/", consumers.OwnChatConsumer.as_asgi()),
    path("ws/rooms/<int:first>/<int:count>/", consumers.RoomsConsumer.as_asgi()),
    path("ws/cycles/", consumers.CyclesConsumer.as_asgi()),
    path("ws/echo/", consumers.EchoConsumer.as_asgi()),
    path("ws/sync/<room>/", consumers.SyncChatConsumer.as_asgi()),
    path("ws/sleepy/", consumers.SleepyConsumer.as_asgi()),
]

application = ProtocolTypeRouter(
    {
        "http": django_asgi_app,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(ROUTES))),
    }
)
