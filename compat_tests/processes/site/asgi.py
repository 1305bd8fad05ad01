"""As Django writes it, with sockets: it sets Django up, and LOGGING with it, once more."""

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from desk.consumers import Desk, SyncDesk  # noqa: E402
from django.urls import path  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": URLRouter([path("", Desk.as_asgi()), path("sync/", SyncDesk.as_asgi())]),
    }
)
