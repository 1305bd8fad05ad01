"""The plugin's entry point: the fixtures that need nothing but pytest, and the choice of others."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from channels_bridge.pytest_plugin import live_server, no_live_server

#: What pytest knows the fixture of the live server by, so that it is registered once.
_LIVE_SERVER = "channels_bridge.live_server"

#: What pytest knows pytest-django by: where it has found it by itself, and where it was named.
_PYTEST_DJANGO = ("django", "pytest_django.plugin")


def pytest_configure(config: pytest.Config) -> None:
    """Register the live server, whose fixtures name those of pytest-django, where that is."""
    plugins = config.pluginmanager
    if not plugins.has_plugin(_LIVE_SERVER):
        chosen = live_server if any(map(plugins.has_plugin, _PYTEST_DJANGO)) else no_live_server
        plugins.register(chosen, _LIVE_SERVER)


@pytest.fixture
def channels_layer() -> Iterator[Any]:
    """A ``LocalChannelLayer`` without members and messages, for one test.

    It stands in place of each layer of the settings, and returns the default one.
    """
    layers = import_module("channels_bridge.testing.fresh_layers")
    with layers.fresh_layers() as layer:
        yield layer


@pytest.fixture
def channels_communicator() -> Iterator[Any]:
    """Makes clients of an application that this server serves in the test's own event loop.

    Its arguments are those of ``channels.testing.WebsocketCommunicator``.
    """
    served = import_module("channels_bridge.testing.served_websocket").ServedWebsockets()
    try:
        yield served
    finally:
        served.end()
