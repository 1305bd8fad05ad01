"""Members of groups and their number, in synchronous code and on an event loop."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER

from channels_bridge.common.blocking_calls import require_no_event_loop
from channels_bridge.groups.presence.roll import Present
from channels_bridge.transport import require_own_layer


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
    return await require_own_layer("presence", alias).presence(group)


def members(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> list[Present]:
    """Return who is in a group, in synchronous code; see ``amembers()``."""
    require_no_event_loop("members", "amembers")
    return async_to_sync(amembers)(group, alias=alias)


async def acount(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> int:
    """Return how many are in a group: how many ``amembers()`` would return."""
    return await require_own_layer("presence", alias).presence_count(group)


def count(group: str, *, alias: str = DEFAULT_CHANNEL_LAYER) -> int:
    """Return how many are in a group, in synchronous code."""
    require_no_event_loop("count", "acount")
    return async_to_sync(acount)(group, alias=alias)
