"""Members of groups and their number, in synchronous code and on an event loop."""

from __future__ import annotations

import asyncio

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.presence.roll import Present
from channels_bridge.transport import get_channel_layer


async def amembers(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> list[Present]:
    """Return who is in a group, in all processes; those who have been there for longest first.

    Somebody is there from joining the group until ``linger`` seconds after their last connection
    has left it; several connections of one key are one.

    Args:
        alias: of the channel layer.

    Returns:
        An object for each, with ``key``, ``info``, ``since`` in seconds, and ``connections``, the
        number of processes. Without ``describe`` in CONFIG keys say nothing, and infos are None.

    Raises:
        ImproperlyConfigured: the layer isn't one of this package.
        ValueError: CONFIG has no presence for the group.
        TransportUnavailable: the hub can't be reached.
    """
    return await _layer(alias).presence(group)


def members(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> list[Present]:
    """Return who is in a group, in synchronous code; see ``amembers()``."""
    _require_thread("members")
    return async_to_sync(amembers)(group, alias=alias)


async def acount(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> int:
    """Return how many are in a group: how many ``amembers()`` would return."""
    return await _layer(alias).presence_count(group)


def count(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> int:
    """Return how many are in a group, in synchronous code."""
    _require_thread("count")
    return async_to_sync(acount)(group, alias=alias)


def _layer(alias: str) -> BridgeChannelLayer:
    layer = get_channel_layer(alias)
    if not isinstance(layer, BridgeChannelLayer):
        raise ImproperlyConfigured(
            "presence needs a channel layer of channels_bridge: set the BACKEND of "
            f'CHANNEL_LAYERS[{alias!r}] to "channels_bridge.layers.GrpcChannelLayer"'
        )
    return layer


def _require_thread(name: str) -> None:
    """Say what to write instead where an event loop would be blocked."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name}() would block the event loop: write await a{name}() here")
