"""What a worker answers the supervisor: figures for metrics, and details for who asks for them."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from .connection import State, WebSocketConnection
from .context import Context
from .delay import LoopDelay
from .questions import Message

Figures = Callable[[int], Message]
"""What else a worker knows, in the form of a :class:`Report`'s answer. Its argument: how many of
each kind are wanted where there may be many; 0 for none."""


class Report:
    """Answers the supervisor's questions about one worker.

    An answer has ``counters``, which are added up over all workers, and ``gauges``, which are this
    worker's own. Where the question has a ``top``, it has as many of the ``slowest`` connections
    too, and the sizes of the worker's largest ``groups``.

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

    def __call__(self, question: Message) -> Message:
        top = question.get("top", 0)
        connections = self._open_connections()
        depths = [connection.inbox.waiting for connection in connections]
        figures = self._figures(top)
        answer: Message = {
            **figures,
            "counters": {**self._counters(), **figures.get("counters", {})},
            "gauges": {
                **figures.get("gauges", {}),
                "connections": len(connections),
                "inbox_depth": sum(depths),
                "inbox_depth_max": max(depths, default=0),
                "unsent_bytes": sum(connection.unsent for connection in connections),
                "loop_delay": self._delay.worst(),
            },
        }
        if top:
            slowest = heapq.nlargest(top, connections, key=slowness)
            answer["slowest"] = [describe(connection) for connection in slowest]
        return answer

    def _counters(self) -> Message:
        if self.context is None:
            return {}
        counters = self.context.counters
        return {name: getattr(counters, name) for name in counters.__slots__ if name != "open"}

    def _open_connections(self) -> list[WebSocketConnection]:
        connections = self.context.connections if self.context is not None else ()
        return [
            connection
            for connection in connections
            if isinstance(connection, WebSocketConnection) and connection.state is State.OPEN
        ]


def slowness(connection: WebSocketConnection) -> tuple[int, int]:
    """Who reads too slowly comes before who is served too slowly."""
    return connection.unsent, connection.inbox.waiting


def describe(connection: WebSocketConnection) -> Message:
    about = connection.extension.get("about", dict)
    return {
        "path": connection.path,
        "client": connection.peer,
        "seconds": round(connection.loop.time() - connection.opened, 3),
        "unsent_bytes": connection.unsent,
        "inbox_depth": connection.inbox.waiting,
        **about(),
    }


def no_figures(top: int) -> Message:
    """Where there is nothing but this package."""
    return {}
