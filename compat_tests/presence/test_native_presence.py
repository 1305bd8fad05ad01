"""Native consumers that are told who is there."""

from __future__ import annotations

import asyncio
import json

import pytest

from channels_bridge.consumers import BaseConsumer
from channels_bridge.layers import get_channel_layer
from channels_bridge.native.native_application import NativeApplication
from compat_tests.clients.raw_connection import DEADLINE

pytestmark = pytest.mark.usefixtures("worker")

LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.LocalChannelLayer",
        "CONFIG": {"presence": {"room": {"describe": f"{__name__}.describe", "linger": 0}}},
    }
}


def describe(scope):
    """Who a connection is."""
    return {"key": scope["query_string"].decode()}


class Told(BaseConsumer):
    async def connect(self):
        await get_channel_layer().group_add("room", self)

    async def presence_changed(self, event):
        await self.send(json.dumps(event.params))


class Quiet(BaseConsumer):
    async def connect(self):
        await get_channel_layer().group_add("room", self)

    async def receive(self, text_data):
        await self.send(text_data)


def serving(**consumers):
    """An application that runs one of these, by the first word of the path."""

    class Route:
        async def __call__(self, websocket, call_next):
            websocket.handler = consumers[websocket.scope["path"][1:]].as_handler()
            await call_next(websocket)

    return NativeApplication([Route()])


async def test_native_consumers(serve, settings):
    """Those that have a handler are told, the others are not, and all are listed."""
    settings.CHANNEL_LAYERS = LAYERS
    engine = await serve(serving(told=Told, quiet=Quiet))
    async with engine.connect("/told?ann") as ann:
        assert "ann" in await until_told(ann, "ann")
        async with engine.connect("/quiet?bob") as bob:
            await until_told(ann, "bob")
            await bob.send("still here")
            assert await asyncio.wait_for(bob.recv(), DEADLINE) == "still here"
        while (event := json.loads(await asyncio.wait_for(ann.recv(), DEADLINE)))["left"] == []:
            pass
        assert (event["left"], event["count"], event["group"]) == (["bob"], 1, "room")


async def until_told(websocket, key):
    """Read until somebody is there. Returns all that were told."""
    told = {}
    while key not in told:
        told.update(json.loads(await asyncio.wait_for(websocket.recv(), DEADLINE))["joined"])
    return told
