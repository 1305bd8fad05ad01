"""The plugin by the name that projects have in ``pytest_plugins``, which needs no such line now."""

from __future__ import annotations

from channels_bridge.pytest_plugin.fixtures import (
    channels_communicator,
    channels_layer,
    pytest_configure,
)
from channels_bridge.testing.session_server import LiveServer

__all__ = ["LiveServer", "channels_communicator", "channels_layer", "pytest_configure"]
