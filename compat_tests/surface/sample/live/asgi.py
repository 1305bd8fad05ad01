"""Applications: one that works, and some that don't."""

import asyncio
import multiprocessing
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

from channels_bridge.db import database_sync_to_async
from channels_bridge.generic.websocket import AsyncWebsocketConsumer
from channels_bridge.routing import ProtocolTypeRouter, URLRouter

pages = get_asgi_application()
urlpatterns = []


def note_disconnect(code):
    Path(settings.DIRECTORY, "disconnected").write_text(str(code))


class Consumer(AsyncWebsocketConsumer):
    """Says what the server process knows, and what is sent to its group."""

    groups = ["everyone"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(str(await getattr(self, text_data)()))

    async def greeting(self):
        return settings.GREETING

    @database_sync_to_async
    def users(self):
        from django.contrib.auth.models import User

        return User.objects.count()

    async def processes(self):
        with multiprocessing.get_context("fork").Pool(1) as pool:  # ended by SIGTERM
            forked = pool.map(abs, [-1])
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            spawned = pool.map(abs, [-2])
        code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=subprocess.PIPE
        )
        ignores = (await program.communicate())[0].decode().strip()
        return forked, spawned, multiprocessing.current_process().name, ignores

    async def said(self, event):
        await self.send(event["text"])

    async def disconnect(self, code):
        note_disconnect(code)


application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("", Consumer.as_asgi())])}
)


def get_application():
    return application


def get_none():
    raise LookupError("no application today")


class AwkwardError(Exception):
    """It can't be unpickled."""

    def __init__(self, one, two):
        super().__init__("awkward")


def get_awkward():
    raise AwkwardError(1, 2)
