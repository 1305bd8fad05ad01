"""Closing stale database connections, when there are any.

Channels hops to a thread before each handler to close connections past their ``CONN_MAX_AGE``.
The need is real; the hop for each message is not. Here it is made only when this process has
opened a connection, at most once in ``INTERVAL`` seconds, and always after a database error.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections
from django.db.backends.signals import connection_created

#: Seconds. A connection that the database closed meanwhile is noticed that much later at most.
INTERVAL = 1.0


@dataclass
class Thread:
    """A thread that synchronous code runs in."""

    may_be_open: bool = False
    next: float = 0.0  # time.monotonic() of the next round


class Housekeeping:
    """Knows for each thread whether a connection may be open there.

    There is one thread, or with ``WEBSOCKET_SYNC_THREADS`` one for each of asgiref's contexts.
    """

    def __init__(self) -> None:
        self._any_opened = False  # since the process began
        self._only = Thread()
        self._threads: WeakKeyDictionary[ThreadSensitiveContext, Thread] = WeakKeyDictionary()
        connection_created.connect(self._opened)

    def is_due(self) -> bool:
        if not self._any_opened:
            return False
        thread = self._thread()
        return thread.may_be_open and time.monotonic() >= thread.next

    def force(self) -> None:
        """Make the next round due now: a handler failed with a database error."""
        self._opened()
        self._thread().next = 0.0

    async def close_old_connections(self) -> None:
        """What ``channels.db.aclose_old_connections`` does, remembering what is still open."""
        thread = self._thread()
        thread.next = time.monotonic() + INTERVAL
        thread.may_be_open = False
        if await sync_to_async(_close_old_connections)():
            thread.may_be_open = True

    @contextmanager
    def around_handler(self) -> Iterator[None]:
        """Close stale connections of this thread before and after a synchronous handler.

        So does ``channels.db.database_sync_to_async``, whether one was ever opened or not.
        """
        self._close_here()
        try:
            yield
        finally:
            self._close_here()

    def _close_here(self) -> None:
        if self._any_opened and (thread := self._thread()).may_be_open:
            thread.may_be_open = False
            if _close_old_connections():
                thread.may_be_open = True

    def _opened(self, **_: Any) -> None:
        """A connection was opened, in whichever thread this is called in."""
        self._any_opened = True
        self._thread().may_be_open = True

    def _thread(self) -> Thread:
        context = SyncToAsync.thread_sensitive_context.get(None)
        return self._only if context is None else self._threads.setdefault(context, Thread())


def _close_old_connections() -> bool:
    close_old_connections()
    return any(
        connection.connection is not None for connection in connections.all(initialized_only=True)
    )


housekeeping = Housekeeping()
