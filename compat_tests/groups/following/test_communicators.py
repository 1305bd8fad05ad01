"""A project's own tests pass unchanged where its settings have history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers, get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups.message import GroupMessage
from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.websocket import WebSocket
from compat_tests.communicators import patient_communicators

__all__ = ["patient_communicators"]


class Chat(AsyncWebsocketConsumer):
    """The chat of Channels' tutorial."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("chat_lobby", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("chat_lobby", self.channel_name)

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(
            "chat_lobby", {"type": "chat.message", "message": message}
        )

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))


class SyncChat(WebsocketConsumer):
    """One that joins by declaration."""

    groups = ["chat_lobby"]

    def chat_message(self, event: dict[str, Any]) -> None:
        self.send(text_data=json.dumps({"message": event["message"]}))


class NativeChat(BaseConsumer):
    """One without Channels' classes."""

    async def connect(self) -> None:
        await get_channel_layer().group_add("chat_lobby", self)

    async def chat_message(self, event: GroupMessage) -> None:
        await self.websocket.send(json.dumps({"message": event.message}))


async def native(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    async with open_inbox(scope, receive) as inbox:
        await NativeChat.as_handler()(WebSocket(scope, inbox, send))


@pytest.fixture(params=["LocalChannelLayer", "GrpcChannelLayer"])
def layer(request: pytest.FixtureRequest, settings: LazySettings) -> None:
    """The layer of the settings: no hub is looked for in tests."""
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": f"channels_bridge.layers.{request.param}",
            "CONFIG": {"history": {"chat_*": {}}, "presence": {"chat_*": {}}},
        }
    }
    channel_layers.backends.clear()


@pytest.mark.parametrize("other", [SyncChat.as_asgi(), native])
@pytest.mark.usefixtures("layer")
async def test_chat(other: Any) -> None:
    """What one client says all are told, in order, and nothing else; who comes late is not."""
    first = WebsocketCommunicator(Chat.as_asgi(), "/")
    second = WebsocketCommunicator(other, "/")
    for client in (first, second):
        assert (await client.connect())[0]
    for number in range(3):
        await first.send_json_to({"message": number})
    for client in (first, second):
        assert [await client.receive_json_from() for _ in range(3)] == [
            {"message": number} for number in range(3)
        ]
        assert await client.receive_nothing()
    late = WebsocketCommunicator(Chat.as_asgi(), "/")
    assert (await late.connect())[0]
    await get_channel_layer().group_send("chat_lobby", GroupMessage("chat.message", "all"))
    for client in (first, second, late):
        assert await client.receive_json_from() == {"message": "all"}
        await client.disconnect()
