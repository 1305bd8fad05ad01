"""Positions and messages of groups, in synchronous code and on an event loop."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER

from channels_bridge.common.blocking_calls import require_no_event_loop
from channels_bridge.groups.history.kept_messages import HistoryMessages, parse_position
from channels_bridge.resume import tickets
from channels_bridge.transport import require_own_layer


async def aposition(group: str, user: Any = None, *, alias: str = DEFAULT_CHANNEL_LAYER) -> str:
    """Return where a group is now, for a page that opens its socket, or event stream, from there.

    Take it before you read what the page shows. Pages may have it: it is signed, good for two days,
    and lets nobody in anywhere, as a consumer joins its groups by its own rules.

    Args:
        user: whose page it is, a user or a primary key: nobody else can begin there. None, or an
            anonymous user: whoever has the page.
        alias: of the channel layer.

    Raises:
        ImproperlyConfigured: the layer isn't one of this package.
        ValueError: the group has no history.
        TransportUnavailable: the hub can't be reached.
    """
    place = parse_position(await require_own_layer("history", alias).position(group))
    return tickets.issue(group, _key(user), place)


def position(group: str, user: Any = None, *, alias: str = DEFAULT_CHANNEL_LAYER) -> str:
    """Return where a group is now, in synchronous code; see ``aposition()``."""
    # Where it is called by the template tag, nothing can be awaited.
    require_no_event_loop("position", "aposition", "before the template is rendered")
    return async_to_sync(aposition)(group, user, alias=alias)


async def ahistory(
    group: str,
    *,
    after: str | None = None,
    limit: int | None = None,
    alias: str = DEFAULT_CHANNEL_LAYER,
) -> HistoryMessages:
    """Return the messages of a group that are kept, the oldest first.

    Args:
        after: the ``position`` of a message: those behind it only; ``is_complete`` of what is
            returned says whether all of these are kept.
        limit: how many at most: the first ones behind ``after``, else the latest.
        alias: of the channel layer.

    Returns:
        An object for each, with ``message``, ``position`` and ``age``, in seconds.

    Raises:
        ImproperlyConfigured: the layer isn't one of this package.
        ValueError: the group has no history, or an argument is wrong.
        TransportUnavailable: the hub can't be reached.
    """
    return await require_own_layer("history", alias).history(group, after=after, limit=limit)


def history(
    group: str,
    *,
    after: str | None = None,
    limit: int | None = None,
    alias: str = DEFAULT_CHANNEL_LAYER,
) -> HistoryMessages:
    """Return the messages that are kept, in synchronous code; see ``ahistory()``."""
    require_no_event_loop("history", "ahistory")
    return async_to_sync(ahistory)(group, after=after, limit=limit, alias=alias)


def _key(user: Any) -> str | None:
    key = getattr(user, "pk", user)  # an anonymous user's is None
    return None if key is None else str(key)
