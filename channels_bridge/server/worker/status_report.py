"""A worker's status report to the supervisor: figures for metrics, details for people."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from operator import itemgetter

from channels_bridge.server.child.questions import Message
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.lifecycle import State
from channels_bridge.server.worker.connection_list import ConnectionList, Load
from channels_bridge.server.worker.loop_lag import LoopDelay

#: Connections that are looked at before the loop goes round: a millisecond's work.
SLICE = 1000

Figures = Callable[[Message], Awaitable[Message]]
"""Figures of other packages, in the form of a ``Report``'s answer. The argument: the question; its
``top`` is how many of each kind are wanted where there may be many, none by default."""


class Report:
    """Answers the supervisor's questions about one worker.

    An answer has ``counters``, which are added up over all workers, and ``gauges``, which are this
    worker's own. Where the question has a ``top``, it has as many of the ``slowest`` connections
    too, and the number of the worker's asyncio ``tasks``. Where it has ``connections``, those that
    are meant come, too; where it has ``close``, what was ``closed`` does.

    Args:
        delay: of the worker's loop.
        figures: adds what this package does not know of.

    Attributes:
        context: the worker's connections, once there may be any.
    """

    def __init__(self, delay: LoopDelay, figures: Figures) -> None:
        self.context: Context | None = None
        self._delay = delay
        self._figures = figures
        self._list = ConnectionList()

    async def __call__(self, question: Message) -> Message:
        top = question.get("top", 0)
        loads = await self._loads()
        figures = await self._figures(question)
        answer: Message = {
            **figures,
            "counters": {**self._counters(), **figures.get("counters", {})},
            "gauges": {**figures.get("gauges", {}), **self._gauges(loads)},
        }
        if top:
            slowest = heapq.nlargest(top, loads, key=itemgetter(0, 1))
            answer["slowest"] = [self._list.describe(load) for load in slowest]
            # Not for each scrape: asyncio goes through all of them to know.
            answer["gauges"]["tasks"] = len(asyncio.all_tasks())
        if (wanted := question.get("connections")) is not None:
            answer["connections"] = await self._list.select(loads, wanted)
        if (closing := question.get("close")) is not None:
            answer["closed"] = await self._list.close(loads, closing)
        return answer

    def _counters(self) -> Message:
        if self.context is None:
            return {}
        counters = self.context.counters
        return {name: getattr(counters, name) for name in counters.__slots__ if name != "open"}

    def _gauges(self, loads: list[Load]) -> Message:
        return {
            "connections": len(loads),
            "inbox_depth": sum(load.waiting for load in loads),
            "inbox_depth_max": max((load.waiting for load in loads), default=0),
            "unsent_bytes": sum(load.unsent for load in loads),
            "loop_delay": self._delay.worst(),
        }

    async def _loads(self) -> list[Load]:
        """The load of each open connection; with pauses for the loop, as there may be many."""
        connections = tuple(self.context.connections) if self.context is not None else ()
        loads = []
        for start in range(0, len(connections), SLICE):
            loads += [
                Load(connection.unsent, connection.inbox.waiting, connection)
                for connection in connections[start : start + SLICE]
                if isinstance(connection, WebSocketConnection) and connection.state is State.OPEN
            ]
            await asyncio.sleep(0)
        return loads


async def no_figures(question: Message) -> Message:
    """The figures of other packages where there are none."""
    return {}
