"""The ASGI application, as the Channels documentation lays it out."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compat_tests.peer_faults.site.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from .consumers import MemberConsumer  # noqa: E402

websockets = URLRouter([path("member/", MemberConsumer.as_asgi())])
application = ProtocolTypeRouter({"http": pages, "websocket": websockets})
