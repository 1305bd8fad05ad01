"""``dispatch()`` of synchronous consumers: one hop to their thread for all messages that wait.

So do other calls that can wait there for each other, as the look-ups of ``user_lookup``.

Channels makes a hop for each message: a future, a context, a wake-up of the thread and one of the
event loop. Here messages wait in a lane, of which there is one for each thread; one of asgiref's
hops takes all that are there, and their consumers are told by one wake-up of the loop.

What a handler finds in its thread is what it finds there with Channels: the same thread always,
the server's event loop for ``async_to_sync``, the context with all that middlewares and earlier
handlers of its consumer have set, and no stale database connection. What it sets there itself is
set in the consumer's task, too, once it has returned.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync, sync_to_async
from channels.consumer import SyncConsumer
from channels.db import database_sync_to_async

from channels_bridge.common.handler_hints import not_awaited
from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.runloop.context_variables import adopt
from channels_bridge.runloop.db_housekeeping import housekeeping
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.calls_from_threads import Crossing

#: Seconds after which a lane lets others on who wait for its thread, such as middlewares' queries.
SLICE = 0.005

# Not a logger of this room's own: users filter by the four names that the guide lists.
notices = Notices(logging.getLogger("channels_bridge.server"))

#: Returns nothing, unless it is async by mistake.
Handler = Callable[[Event], object]
Find = Callable[[Event], Handler]

# As it stands in the class: looked up in the usual way, each class has another one that is bound.
_channels_dispatch = inspect.getattr_static(SyncConsumer, "dispatch")


def has_channels_dispatch(owner: type) -> bool:
    """Whether a class has the ``dispatch()`` of ``SyncConsumer``, itself."""
    return inspect.getattr_static(owner, "dispatch", None) is _channels_dispatch


class SyncDispatch:
    """Dispatches the messages of one synchronous consumer, one after the other.

    Args:
        find: returns the handler of a message; called in the thread.
        crossing: the way back to the server's event loop.
    """

    __slots__ = ("_context", "_crossing", "_find", "_lane")

    def __init__(self, find: Find, crossing: Crossing) -> None:
        self._find = find
        self._crossing = crossing
        self._lane = lane_of(crossing)
        self._context: contextvars.Context | None = None  # of the consumer, in its thread

    def stand_around(self, wrap: Callable[[Find], Find]) -> None:
        """Take another way to find handlers, which ``wrap`` makes of the present one."""
        self._find = wrap(self._find)

    async def __call__(self, message: Event) -> None:
        """Have a message handled.

        Cancelling it is what it is with asgiref: what the handler waits for in ``async_to_sync`` is
        cancelled, and waited for; a handler that has not begun never does; another one goes on in
        its thread alone.

        Raises:
            BaseException: what the handler raised.
        """
        if self._context is None:
            await database_sync_to_async(self._begin)(message)
        else:
            call = Call(self._handle, message, self._context, self._crossing)
            before = self._context.copy()
            try:
                await self._lane.make(call)
            finally:
                adopt(self._context, before)

    def _begin(self, message: Event) -> None:
        """Have the first message handled in a context that asgiref has made, and keep that.

        What the handler has bound by then, asgiref takes to the consumer's task by itself.
        """
        try:
            self._handle(message)
        finally:
            self._context = contextvars.copy_context()

    def _handle(self, message: Event) -> None:
        returned = self._find(message)(message)
        if returned is not None and (text := not_awaited(returned)) is not None:
            notices.log(logging.ERROR, text, "%s", text)


class Call:
    """One call on its way to the thread and back: a handler and its message."""

    __slots__ = (
        "_context",
        "_crossing",
        "_error",
        "_handle",
        "_message",
        "_returned",
        "_tasks",
        "_value",
    )

    def __init__(
        self,
        handle: Callable[[Any], Any],
        message: Any,
        context: contextvars.Context,
        crossing: Crossing,
    ) -> None:
        self._handle = handle
        self._message = message
        self._context = context
        self._crossing = crossing
        self._returned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._value: Any = None  # what the handler returned
        self._error: BaseException | None = None  # that it raised
        self._tasks: list[asyncio.Task[Any]] = []  # in async_to_sync; asgiref adds and removes them

    async def result(self) -> Any:
        """Wait until the handler has returned, and return that; raises what it has raised."""
        try:
            await self._returned
        except asyncio.CancelledError:
            if not self._tasks:
                raise
            self._tasks[0].cancel()
            self._returned = asyncio.get_running_loop().create_future()
            await self._returned
        if self._error is not None:
            raise self._error
        return self._value

    def guard(self) -> AbstractContextManager[None]:
        """What is done around the handler, in the thread."""
        return housekeeping.around_handler()

    def make(self) -> None:
        """Run the handler; called in the thread."""
        if self._returned.cancelled():
            return
        SyncToAsync.threadlocal.task_context = self._tasks
        try:
            with self.guard():
                self._value = self._context.run(self._handle, self._message)
        except BaseException as error:  # whatever it is: it belongs to who waits for the result
            self._error = error
        self._crossing.call_soon(self._return)

    def fail(self, error: Exception) -> None:
        """Give up: the call can't be made."""
        self._error = error
        self._return()

    def _return(self) -> None:
        # Who waited may have been cancelled meanwhile.
        if not self._returned.done():
            self._returned.set_result(None)


class Lane:
    """The calls that wait for one thread: one of each consumer at most."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        self._hopping: asyncio.Task[None] | None = None

    async def make(self, call: Call) -> Any:
        """Have the call made. Returns what its handler returns, and raises what that raises."""
        self._calls.append(call)
        if self._hopping is None:
            self._hopping = asyncio.get_running_loop().create_task(self._hop())
        return await call.result()

    async def _hop(self) -> None:
        try:
            while self._calls:
                await sync_to_async(self._make_calls)()
        except Exception as error:  # asgiref has no such thread any more
            while self._calls:
                self._calls.popleft().fail(error)
        finally:
            self._hopping = None

    def _make_calls(self) -> None:
        """Make the calls that wait, for ``SLICE`` seconds or so; called in the thread."""
        end = time.monotonic() + SLICE
        try:
            while self._calls:
                self._calls.popleft().make()
                if time.monotonic() > end:
                    return
        finally:
            housekeeping.end_sharing(goes_on=bool(self._calls))


_lanes: WeakKeyDictionary[Any, Lane] = WeakKeyDictionary()


def lane_of(crossing: Crossing) -> Lane:
    """Return the lane to the thread that asgiref would choose: the context's or the server's."""
    key = SyncToAsync.thread_sensitive_context.get(None) or crossing
    return _lanes.setdefault(key, Lane())
