"""Behaviours that no scenario can show: see ``coverage``."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from channels.exceptions import ChannelFull, InvalidChannelLayerError
from channels.layers import InMemoryChannelLayer
from daphne.cli import CommandLineInterface
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path

from channels_bridge.layers import ChannelLayerManager, LocalChannelLayer
from channels_bridge.management.commands.runserver import make_config
from channels_bridge.routing import ChannelNameRouter, URLRouter
from channels_bridge.security.websocket import AllowedHostsOriginValidator
from channels_bridge.server.config import ServerConfig

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide" / "command.md"
LAYER = "channels_bridge.layers.LocalChannelLayer"


def test_include_is_refused():
    """R3: ``include()`` means nothing in a URLRouter."""
    with pytest.raises(ImproperlyConfigured):
        URLRouter([path("chat/", include([]))])


async def test_channel_name_router():
    """R7: a ChannelNameRouter needs a channel, and an application for it."""
    with pytest.raises(ValueError, match="channel"):
        await ChannelNameRouter({})({"type": "channel"}, None, None)
    with pytest.raises(ValueError, match="No application configured"):
        await ChannelNameRouter({})({"type": "channel", "channel": "x"}, None, None)


def test_force_script_name(settings):
    """P4: runserver's root path is FORCE_SCRIPT_NAME."""
    options = {
        "websocket_max_message_size": None,
        "websocket_max_frame_size": None,
        "websocket_handshake_timeout": 5,
    }
    settings.FORCE_SCRIPT_NAME = "/app"
    assert make_config("127.0.0.1", "8000", options).proxy.root_path == "/app"
    settings.FORCE_SCRIPT_NAME = None
    assert make_config("127.0.0.1", "8000", options).proxy.root_path == ""


def test_layer_defaults():
    """L1: expiry, capacity and the length of names are those of Channels' layers."""
    ours, theirs = LocalChannelLayer(), InMemoryChannelLayer()
    for name in ("expiry", "capacity", "MAX_NAME_LENGTH", "group_expiry"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("check", ["valid_channel_name", "valid_group_name"])
def test_deprecated_checks(check):
    """L2: the checks of old are there, and say that they are old where Channels says so."""
    told = []
    for layer in (LocalChannelLayer(), InMemoryChannelLayer()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert getattr(layer, check)("name")
        told.append([warning.category for warning in caught])
    assert told[0] == told[1]


def test_layer_manager(settings):
    """L4: CONFIG, TEST_CONFIG, ROUTING and ``set()`` mean what they mean in Channels."""
    entry = {"BACKEND": LAYER, "CONFIG": {"capacity": 7}}
    settings.CHANNEL_LAYERS = {
        "default": entry,
        "tested": {**entry, "TEST_CONFIG": {"capacity": 9}},
        "routed": {**entry, "ROUTING": "x"},
    }
    manager = ChannelLayerManager()
    assert manager["default"].capacity == 7
    assert manager.make_test_backend("tested").capacity == 9
    with pytest.raises(InvalidChannelLayerError, match="No TEST_CONFIG specified for default"):
        manager.make_test_backend("default")
    with pytest.raises(InvalidChannelLayerError):
        manager["routed"]
    before, other = manager["default"], LocalChannelLayer()
    assert manager.set("default", other) is before
    assert manager["default"] is other


async def test_new_member():
    """L12: who joins a group gets what is sent after that."""
    for layer in (LocalChannelLayer(), InMemoryChannelLayer()):
        channel = await layer.new_channel()
        await layer.group_send("room", {"number": 1})
        await layer.group_add("room", channel)
        await layer.group_send("room", {"number": 2})
        assert await layer.receive(channel) == {"number": 2}


async def test_own_capacity():
    """L13: each connection has a capacity of its own: a full one costs the others nothing."""
    layer = LocalChannelLayer(capacity=1)
    full, other = await layer.new_channel(), await layer.new_channel()
    await layer.send(full, {"number": 1})
    with pytest.raises(ChannelFull):
        await layer.send(full, {"number": 2})
    await layer.send(other, {"number": 3})
    assert await layer.receive(other) == {"number": 3}


def test_allowed_hosts(settings):
    """O2: ALLOWED_HOSTS is read when the validator is made; DEBUG stands in for an empty one."""
    settings.DEBUG, settings.ALLOWED_HOSTS = True, []
    validator = AllowedHostsOriginValidator(None)
    settings.ALLOWED_HOSTS = ["example.org"]
    assert validator.allowed_origins == ["localhost", "127.0.0.1", "[::1]"]
    assert AllowedHostsOriginValidator(None).allowed_origins == ["example.org"]


def options_of_daphne():
    actions = CommandLineInterface().parser._actions
    return [
        action.option_strings for action in actions if action.dest not in ("help", "application")
    ]


@pytest.mark.parametrize("names", options_of_daphne(), ids=lambda names: names[-1])
def test_options_of_daphne(names):
    """D1: the migration guide has a line for each option of Daphne's command."""
    guide = GUIDE.read_text()
    assert any(f"`{name}`" in guide for name in names)


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("application_close_timeout", "close_timeout"),
        ("ping_interval", "ping_interval"),
        ("websocket_max_message_size", "max_message_size"),
    ],
)
def test_defaults_of_daphne(option, field):
    """D2: these defaults are Daphne's; where others differ, the migration guide says so."""
    theirs = CommandLineInterface().parser.get_default(option)
    assert getattr(ServerConfig, field) == theirs
