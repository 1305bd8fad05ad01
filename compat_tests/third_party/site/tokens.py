"""channels_auth_token_middlewares: users by their tokens of Django REST framework."""

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels_auth_token_middlewares.middleware import (  # noqa: E402
    DRFAuthTokenMiddlewareStack,
)


class WhoAmI(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.send(self.scope["user"].get_username() or "nobody")


application = ProtocolTypeRouter(
    {"http": pages, "websocket": DRFAuthTokenMiddlewareStack(WhoAmI.as_asgi())}
)
