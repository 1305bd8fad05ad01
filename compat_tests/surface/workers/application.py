"""Consumers that say what they do on the channel ``told``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from compat_tests.tracing.recorder import current


def wait_for_file(path):
    while not Path(path).exists():
        time.sleep(0.01)


class Asynchronous(AsyncConsumer):
    """A worker's consumer, which tells the tests what it did."""

    async def say(self, message):
        await self.channel_layer.send("told", {"type": "told", "text": message["text"]})

    async def finish(self, message):
        """Begin, and end once there is a file."""
        await self.say({"text": "begun"})
        await asyncio.to_thread(wait_for_file, message["path"])
        await self.say({"text": "ended"})

    async def fail(self, message):
        raise RuntimeError("as told")

    async def trace(self, message):
        """Say which trace this is part of."""
        await self.say({"text": current.get()})


class Synchronous(SyncConsumer):
    """The same, synchronous."""

    def say(self, message):
        send = async_to_sync(self.channel_layer.send)
        send("told", {"type": "told", "text": message["text"]})

    def trace(self, message):
        self.say({"text": current.get()})


application = ProtocolTypeRouter(
    {
        "channel": ChannelNameRouter(
            {"asynchronous": Asynchronous.as_asgi(), "synchronous": Synchronous.as_asgi()}
        )
    }
)
