"""A check that the application is installed: without it a project has no commands and no checks."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning

from channels_bridge import conf

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

MISSING = (
    'INSTALLED_APPS does not have "channels_bridge", which brings websockets_server, the other '
    "commands and the checks"
)
ADD = 'Put it first: INSTALLED_APPS = ["channels_bridge", ...].'


def check_installed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn projects that have a channel layer of this package, but not the application."""
    layers = [*conf.channel_layers().values(), *conf.transport_backends().values()]
    ours = [layer for layer in layers if _is_ours(layer.get("BACKEND"))]
    if not ours or apps.is_installed("channels_bridge"):
        return []
    return [Warning(f"{MISSING}.", hint=ADD, id="channels_bridge.W005")]


def warn_runserver() -> None:
    """Say that this ``runserver`` isn't ours, where a layer is first used after the checks.

    Django's starts as ever, and answers each WebSocket with 404.
    """
    if apps.ready and sys.argv[1:2] == ["runserver"] and not apps.is_installed("channels_bridge"):
        logger.warning("This runserver takes no WebSockets, as %s. %s", MISSING, ADD)


def _is_ours(backend: Any) -> bool:
    return isinstance(backend, str) and backend.partition(".")[0] == "channels_bridge"
