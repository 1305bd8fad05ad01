"""The context that all connections of a worker share: application, configuration, counters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Any, Protocol
from weakref import ReferenceType

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.server.access_log import AccessLog
from channels_bridge.server.admission import Admission, Ledger, limits_addresses
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.calls_from_threads import Crossing
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.counters import Counters
from channels_bridge.server.websocket.frames import FrameCache
from channels_bridge.server.websocket.keepalive import Keepalive
from channels_bridge.server.websocket.receiver import Limits
from channels_bridge.server.websocket.writer import NextRound

logger = logging.getLogger("channels_bridge.server")

#: How many consumers that have ended may wait to be looked after.
MOST_LEAVERS = 10_000


class Closable(Protocol):
    """A connection as the worker's shutdown sees it."""

    @property
    def lasting(self) -> bool:
        """Whether it has no end of its own, as a WebSocket, and is closed in its turn.

        Where connections are closed little by little, those that end after a response come first.
        """

    def shutdown(self) -> None:
        """Finish: tell the application and the client, in whatever way the protocol has."""


class Context:
    """The application and the connections it serves.

    Args:
        application: the ASGI application.
        config: how to serve it.
        state: the lifespan state; each connection gets a shallow copy (ASGI "Lifespan State").
        on_lost: called once for each connection whose transport is gone.
        access: writes a line for each page and connection, if the configuration asks for them.

    Every protocol calls ``entered`` when it is given a transport and ``left`` when it
    hands that on; the last one of a transport calls ``lost``.
    """

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        state: dict[str, Any],
        on_lost: Callable[[], None],
        access: AccessLog | None = None,
    ) -> None:
        self.application = application
        self.config = config
        self.state = state
        self.access = access or AccessLog(config.access_log_format)
        self._share = ceil(config.max_connections / config.workers)
        #: Who is asked before a handshake goes to the application; None: nobody. A worker asks its
        #: supervisor.
        self.admission: Admission | None = Ledger(config) if limits_addresses(config) else None
        self.counters = Counters()
        #: From other threads to the loop that serves.
        self.crossing = Crossing()
        #: Called at the worker's end, with the seconds that its connections are closed in.
        self.on_drain: list[Callable[[float], None]] = []
        self.notices = Notices(logger)
        self.limits = Limits(config)
        self.next_round = NextRound()
        self.frames = FrameCache(config.compress_from)
        self.keepalive = Keepalive(config.ping_interval, config.ping_timeout)
        self.connections: set[Closable] = set()
        #: Of these, those that wait for another request, the one that has waited longest first.
        self.idle: dict[Closable, None] = {}
        self.refusals = 0  # of these, the connections that only wait for their end
        self.ended = 0  # connections that were lost, so far
        self.frozen_ended = 0  # of these, connections that were open at a freeze
        self._frozen: set[Closable] = set()  # connections that were open at the last one
        self.freezes = 0
        #: Consumers that have ended since a freeze at which they were there. Should too many wait,
        #: the first ones are not looked after.
        self.leavers: deque[ReferenceType[Any]] = deque(maxlen=MOST_LEAVERS)
        self._on_lost = on_lost
        self._empty: asyncio.Future[None] | None = None  # waited for in all_lost()
        #: Running applications; a connection may be gone before its application returned.
        self.tasks: set[asyncio.Task[None]] = set()
        self._forget = self.tasks.discard  # bound once, for all
        #: Handshakes under way are finished though the worker ends: another took its place.
        self.finishes_handshakes = False
        #: What begins from now on ends at once: a WebSocket, or HTTP after one response.
        self.ending = False

    @property
    def is_full(self) -> bool:
        """Whether this process has its share of ``max_connections``.

        As each connection goes to the worker that has the fewest, no other worker has room either.
        """
        return 0 < self._share < len(self.connections) - self.refusals

    def make_room(self) -> bool:
        """Close what has been idle for longest. Returns whether there was anything."""
        connection = next(iter(self.idle), None)
        if connection is None:
            return False
        del self.idle[connection]
        connection.shutdown()
        return True

    @property
    def is_overrun(self) -> bool:
        """Whether there are as many refusals as connections: too many to answer each of them."""
        return 0 < self._share < self.refusals

    def entered(self, connection: Closable) -> None:
        self.connections.add(connection)

    def left(self, connection: Closable) -> None:
        self.connections.discard(connection)
        self._frozen.discard(connection)

    def lost(self, connection: Closable) -> None:
        self.connections.discard(connection)
        self.ended += 1
        if connection in self._frozen:
            self._frozen.discard(connection)
            self.frozen_ended += 1
        self._on_lost()
        if self._empty is not None and not self.connections and not self._empty.done():
            self._empty.set_result(None)

    def freeze(self) -> None:
        """Remember that the objects of all connections are frozen (``server.worker.gc_freeze``)."""
        self._frozen = set(self.connections)
        self.freezes += 1

    def note_end(self, consumer: Any, freezes: int) -> None:
        """A consumer has ended; there had been so many freezes when it began."""
        if freezes != self.freezes:
            with contextlib.suppress(TypeError):  # its class allows no weak references
                self.leavers.append(ReferenceType(consumer))

    async def all_lost(self) -> None:
        """Wait until there is no connection left."""
        if self.connections:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def run(self, coroutine: Any, name: str) -> asyncio.Task[None]:
        """Run an application; the worker waits for it before it exits."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._forget)
        return task
