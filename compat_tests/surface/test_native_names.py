"""The layer under its native names, and what is imported when."""

from __future__ import annotations

import subprocess
import sys

import channels.layers
import pytest
from channels.exceptions import InvalidChannelLayerError

from channels_bridge import exceptions, layers, transport
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.transport import GrpcTransportLayer, get_channel_layer
from compat_tests.groups.hubs import ENVIRONMENT, ROOT

LOCAL = {"BACKEND": "channels_bridge.layers.LocalChannelLayer", "CONFIG": {"capacity": 7}}


@pytest.fixture(autouse=True)
def no_layers(settings):
    """No layer is left of the tests before, nor for those after."""
    settings.CHANNEL_LAYERS = {}
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {}


def test_channels_setting(settings):
    """Both functions give the layer of CHANNEL_LAYERS."""
    settings.CHANNEL_LAYERS = {"default": LOCAL}
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {"default": {"BACKEND": "not.used"}}
    assert isinstance(get_channel_layer(), LocalChannelLayer)
    assert get_channel_layer() is channels.layers.get_channel_layer()


def test_native_setting(settings):
    """Without CHANNEL_LAYERS both functions give the layer of WEBSOCKET_TRANSPORT_BACKENDS."""
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {"default": LOCAL}
    layer = get_channel_layer()
    assert isinstance(layer, LocalChannelLayer)
    assert layer.capacity == 7
    assert channels.layers.get_channel_layer() is layer
    assert get_channel_layer() is layer


def test_native_setting_changes(settings):
    """A changed setting gives another layer."""
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {"default": LOCAL}
    layer = get_channel_layer()
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {"default": {**LOCAL, "CONFIG": {}}}
    assert get_channel_layer() is not layer


def test_no_layer():
    """An alias that isn't configured gives None."""
    assert get_channel_layer() is None
    assert get_channel_layer("other") is None


@pytest.mark.parametrize("backend", [{}, {"BACKEND": "no.such.Layer"}])
def test_bad_backend(settings, backend):
    """A wrong BACKEND is Channels' own error."""
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {"default": backend}
    with pytest.raises(InvalidChannelLayerError, match="BACKEND"):
        get_channel_layer()


def test_names():
    """The modules of Channels have all their names here."""
    assert GrpcTransportLayer is layers.GrpcChannelLayer
    assert layers.get_channel_layer is channels.layers.get_channel_layer
    for name, value in vars(channels.exceptions).items():
        if not name.startswith("_"):
            assert getattr(exceptions, name) is value


@pytest.mark.parametrize("module", [layers, transport])
def test_grpc_is_imported_late(module):
    """Importing the layers, and using the local one, doesn't import gRPC."""
    code = f"""
import sys, asyncio
import django
django.setup()
import {module.__name__}
from channels_bridge.layers import LocalChannelLayer, GrpcChannelLayer
GrpcChannelLayer()
asyncio.run(LocalChannelLayer().group_send("room", {{}}))
assert "grpc" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, check=True, timeout=30)
