"""Preparation of Django for an ASGI server, the same as in manage.py."""

import os

import pymysql

pymysql.version_info = (2, 2, 7, "final", 0)
pymysql.install_as_MySQLdb()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
os.environ.setdefault("DJANGO_CONFIGURATION", "Production")

from configurations.asgi import get_asgi_application  # noqa: E402

pages = get_asgi_application()

from channels.generic.websocket import WebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import path  # noqa: E402


class Consumer(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.send(f"{settings.GREETING} {connection.vendor} {connection.Database.__name__}")


application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("", Consumer.as_asgi())])}
)
