import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
pages = get_asgi_application()

from django.urls import path  # noqa: E402

from chat.consumers import ChatConsumer, SyncChatConsumer  # noqa: E402

routes = [
    path("ws/chat/<room>/", ChatConsumer.as_asgi()),
    path("ws/sync/<room>/", SyncChatConsumer.as_asgi()),
]
application = ProtocolTypeRouter(
    {"http": pages, "websocket": AuthMiddlewareStack(URLRouter(routes))}
)
