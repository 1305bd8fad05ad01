"""Closing stale database connections, when there are any.

Channels hops to a thread before each handler to close connections past their ``CONN_MAX_AGE``.
The need is real; the hop for each message is not. Here it is made only when this process has
opened a connection: once in ``INTERVAL`` seconds, and at once where a connection itself knows that
it has to be looked at, as after an error, whether a handler caught it or not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakValueDictionary

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

#: Seconds. A connection past its ``CONN_MAX_AGE`` is closed that much later at most.
INTERVAL = 1.0

Opened = WeakValueDictionary[int, BaseDatabaseWrapper]


@dataclass
class Thread:
    """The database connections of a thread that synchronous code runs in."""

    may_be_open: bool = False
    next: float = 0.0  # time.monotonic() of the next round
    shared_since: float | None = None  # time.monotonic(), while look-ups leave connections open
    #: Those that may be open there, by ``id()``. A new one is added where it is opened, by whatever
    #: thread; a round leaves those of the thread that it is made in, as it can look at no others.
    opened: Opened = field(default_factory=WeakValueDictionary)


class Housekeeping:
    """Closes stale connections, in those threads where one may be open.

    There is one thread, or with ``WEBSOCKET_SYNC_THREADS`` one for each of asgiref's contexts.
    """

    def __init__(self) -> None:
        self._any_opened = False  # since the process began
        self._only = Thread()
        self._next_anywhere = 0.0  # as Thread.next, for handlers that needn't run
        self._threads: WeakKeyDictionary[ThreadSensitiveContext, Thread] = WeakKeyDictionary()
        connection_created.connect(self._opened)

    def is_due(self) -> bool:
        """Whether the next handler in this context should wait for a round."""
        if not self._any_opened:
            return False
        thread = self._thread()
        return thread.may_be_open and (
            time.monotonic() >= thread.next or any(map(_wants_a_look, thread.opened.valuerefs()))
        )

    def is_due_anywhere(self) -> bool:
        """Whether some handler should run that needn't, for the round that it waits for.

        Once in ``INTERVAL`` seconds, where a connection may be open in any thread.
        """
        now = time.monotonic()
        if not self._any_opened or now < self._next_anywhere:
            return False
        self._next_anywhere = now + INTERVAL
        return any(thread.may_be_open for thread in (self._only, *self._threads.values()))

    def force(self) -> None:
        """Make the next round due now: a handler failed with a database error."""
        self._opened()
        self._thread().next = 0.0

    async def close_old_connections(self) -> None:
        """Do what ``channels.db.aclose_old_connections`` does, and remember what is still open."""
        thread = self._thread()
        thread.next = time.monotonic() + INTERVAL
        thread.may_be_open = False
        await sync_to_async(_make_round)(thread)

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

    @contextmanager
    def around_look_up(self) -> Iterator[None]:
        """Close stale connections of this thread before a call, unless another was just before it.

        After it they stay open for the next one, which may follow at once, until ``end_sharing()``.
        A connection that is not as it was, as after an error, is closed as after any call.
        """
        if self._thread().shared_since is None:
            self._close_here()
        try:
            yield
        finally:
            thread = self._thread()
            if any(map(_is_changed, connections.all(initialized_only=True))):
                self._close_here()
            elif thread.may_be_open and thread.shared_since is None:
                thread.shared_since = time.monotonic()

    def end_sharing(self, *, goes_on: bool) -> None:
        """Close stale connections of this thread that such calls have left open.

        Args:
            goes_on: whether more calls follow, which may share them: for ``INTERVAL`` at most.
        """
        thread = self._thread()
        since = thread.shared_since
        if since is None or (goes_on and time.monotonic() < since + INTERVAL):
            return
        thread.shared_since = None
        try:
            self._close_here()
        except Exception:  # the edge: it is nobody's call, and says nothing of those that follow
            logger.exception("cannot close database connections")

    def _close_here(self) -> None:
        if self._any_opened and (thread := self._thread()).may_be_open:
            thread.may_be_open = False
            _make_round(thread)

    def _opened(self, connection: BaseDatabaseWrapper | None = None, **_: Any) -> None:
        """Note that a connection was opened in the thread that this is called in."""
        self._any_opened = True
        thread = self._thread()
        thread.may_be_open = True
        if connection is not None:
            thread.opened[id(connection)] = connection

    def _thread(self) -> Thread:
        context = SyncToAsync.thread_sensitive_context.get(None)
        return self._only if context is None else self._threads.setdefault(context, Thread())


def _wants_a_look(reference: ReferenceType[BaseDatabaseWrapper]) -> bool:
    """Whether a connection is open and has had an error, or is to be checked before each use.

    The latter is ``CONN_HEALTH_CHECKS``. May be asked in any thread.
    """
    connection: Any = reference()
    if connection is None or connection.connection is None:
        return False
    checked = connection.health_check_enabled and connection.health_check_done
    return bool(connection.errors_occurred or checked)


def _is_changed(connection: BaseDatabaseWrapper) -> bool:
    """Whether an open connection has had an error, or has another mode than it began with.

    May be asked in its own thread only.
    """
    if connection.connection is None:
        return False
    return connection.errors_occurred or connection.autocommit != bool(
        connection.settings_dict["AUTOCOMMIT"]
    )


def _make_round(thread: Thread) -> None:
    """Close stale connections of the thread that this is called in."""
    opened = _close_old_connections()
    thread.opened = WeakValueDictionary({id(connection): connection for connection in opened})
    thread.may_be_open = bool(opened)


def _close_old_connections() -> list[BaseDatabaseWrapper]:
    """Close stale connections here. Returns those that are still open."""
    close_old_connections()
    return [
        connection
        for connection in connections.all(initialized_only=True)
        if connection.connection is not None
    ]


housekeeping = Housekeeping()
