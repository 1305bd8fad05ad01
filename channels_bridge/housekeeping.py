"""Closing stale database connections, when there are any.

Channels hops to a thread before each handler to close connections past their ``CONN_MAX_AGE``.
The need is real; the hop for each message is not. Here it is made only when this process has
opened a connection, at most once in ``INTERVAL`` seconds, and always after a database error.
"""

from __future__ import annotations

import time
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections
from django.db.backends.signals import connection_created

#: Seconds. A connection that the database closed meanwhile is noticed that much later at most.
INTERVAL = 1.0


class Housekeeping:
    """Knows whether a connection may be open in the thread that synchronous code runs in."""

    def __init__(self) -> None:
        self._may_be_open = False
        self._next = 0.0  # time.monotonic() of the next round
        connection_created.connect(self._opened)

    def _opened(self, **_: Any) -> None:
        self._may_be_open = True

    def is_due(self) -> bool:
        return self._may_be_open and time.monotonic() >= self._next

    def force(self) -> None:
        """Make the next round due now: a handler failed with a database error."""
        self._may_be_open, self._next = True, 0.0

    async def close_old_connections(self) -> None:
        """What ``channels.db.aclose_old_connections`` does, remembering what is still open."""
        self._next = time.monotonic() + INTERVAL
        self._may_be_open = False
        if await sync_to_async(_close_old_connections)():
            self._may_be_open = True


def _close_old_connections() -> bool:
    close_old_connections()
    return any(
        connection.connection is not None for connection in connections.all(initialized_only=True)
    )


housekeeping = Housekeeping()
