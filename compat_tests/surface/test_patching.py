"""Dotted paths that name modules of this package have the effect that Channels' have."""

from __future__ import annotations

import importlib
import sys
from unittest import mock

import channels.consumer
import channels.db
import channels.layers
import pytest
from channels.testing import WebsocketCommunicator
from django.test import override_settings
from django.utils.module_loading import import_string

import channels_bridge.db
import channels_bridge.layers
from channels_bridge.exceptions import InvalidChannelLayerError
from channels_bridge.generic.websocket import AsyncWebsocketConsumer
from channels_bridge.layers import GrpcChannelLayer, InMemoryChannelLayer, get_channel_layer
from compat_tests.communicators import patient_communicators

__all__ = ["patient_communicators"]


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data)


async def converse():
    """One conversation with a consumer."""
    communicator = WebsocketCommunicator(Echo.as_asgi(), "/")
    await communicator.connect()
    await communicator.send_to("hello")
    assert await communicator.receive_from() == "hello"
    await communicator.disconnect()


async def test_consumer_layer():
    """A consumer takes its layer from where its module is patched."""
    layer = InMemoryChannelLayer()
    target = "channels_bridge.consumer.get_channel_layer"
    with (
        mock.patch(target, return_value=layer),
        mock.patch.object(layer, "new_channel", wraps=layer.new_channel) as new_channel,
    ):
        await converse()
    new_channel.assert_awaited_once_with()
    assert channels.consumer.get_channel_layer is get_channel_layer


async def test_database():
    """What closes database connections may be patched, as the communicators do."""
    with mock.patch("channels_bridge.db.close_old_connections") as patched:
        await channels.db.aclose_old_connections()
    patched.assert_called_once_with()


async def test_dispatch():
    """A handler's call may be patched through the class' own path."""
    target = "channels_bridge.generic.websocket.AsyncWebsocketConsumer.websocket_receive"
    with mock.patch(target, autospec=True) as patched:
        communicator = WebsocketCommunicator(Echo.as_asgi(), "/")
        await communicator.connect()
        await communicator.send_to("hello")
        await communicator.disconnect()
    assert patched.await_args.args[1] == {"type": "websocket.receive", "text": "hello"}


@pytest.mark.parametrize("package", ["channels", "channels_bridge"])
def test_layers(package):
    """The manager of layers may be patched in either module, and both are as before afterwards."""
    manager = channels.layers.channel_layers
    with mock.patch(f"{package}.layers.channel_layers", {"default": "mine"}) as patched:
        assert channels_bridge.layers.channel_layers is patched
        assert channels.layers.get_channel_layer() == "mine"
        assert channels_bridge.layers.get_channel_layer() == "mine"
    assert channels_bridge.layers.channel_layers is manager
    assert channels.layers.channel_layers is manager
    assert "channel_layers" not in vars(channels_bridge.layers)


def test_own_name():
    """So may a name that Channels' module hasn't."""
    with mock.patch("channels_bridge.layers.GrpcChannelLayer", "mine"):
        assert import_string("channels_bridge.layers.GrpcChannelLayer") == "mine"
    assert import_string("channels_bridge.layers.GrpcChannelLayer") is GrpcChannelLayer
    assert not hasattr(channels.layers, "GrpcChannelLayer")


def test_monkeypatch(monkeypatch):
    """pytest's own way works as well, deletion included."""
    with monkeypatch.context() as patch:
        patch.setattr("channels_bridge.layers.get_channel_layer", "mine")
        assert channels.layers.get_channel_layer == "mine"
        patch.delattr("channels_bridge.layers.deepcopy")
        assert not hasattr(channels.layers, "deepcopy")
        patch.delattr("channels_bridge.layers.LocalChannelLayer")
        assert not hasattr(channels_bridge.layers, "LocalChannelLayer")
    assert channels.layers.get_channel_layer is get_channel_layer
    assert channels.layers.deepcopy
    assert channels_bridge.layers.LocalChannelLayer


def test_unknown_name():
    """A name that neither module has is an error that names ours."""
    with pytest.raises(AttributeError, match="module 'channels_bridge.layers' has no attribute"):
        channels_bridge.layers.get_chanel_layer  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from channels_bridge.layers import get_chanel_layer")


def test_star_import():
    """``from channels_bridge.layers import *`` brings what Channels' brings, and our layers."""
    ours, theirs = {}, {}
    exec("from channels_bridge.layers import *", ours)
    exec("from channels.layers import *", theirs)
    assert ours.keys() - theirs.keys() == {
        "GrpcChannelLayer",
        "LocalChannelLayer",
        "NatsChannelLayer",
    }
    assert theirs.keys() <= ours.keys()
    assert theirs.keys() <= {*dir(channels_bridge.layers)}


def test_reload():
    """Reloading a module, as development servers and shells do, changes nothing."""
    importlib.reload(channels_bridge.layers)
    assert channels_bridge.layers.channel_layers is channels.layers.channel_layers
    assert importlib.reload(sys.modules["channels_bridge.db"]) is channels.db


def test_settings():
    """Settings may name Channels' backends by our paths; errors are Channels' own."""
    layers = {
        "default": {"BACKEND": "channels_bridge.layers.InMemoryChannelLayer"},
        "missing": {"BACKEND": "channels_bridge.layers.NoSuchLayer"},
    }
    with override_settings(CHANNEL_LAYERS=layers):
        assert type(get_channel_layer()) is InMemoryChannelLayer
        with pytest.raises(InvalidChannelLayerError, match="Cannot import BACKEND"):
            get_channel_layer("missing")
