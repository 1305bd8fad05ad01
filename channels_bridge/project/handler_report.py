"""A report of group handlers: which are shared, and why others are not."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from time import thread_time
from typing import Any

from channels_bridge.groups.shared_frames import SharedFrame
from channels_bridge.runloop import proven_handlers
from channels_bridge.runloop.proven_handlers import Handlers
from channels_bridge.runloop.refusals import Refusal

#: A row as JSON holds it.
Row = dict[str, Any]

#: Rows of one process: its answer is one line.
MAX_ROWS = 1000

#: Seconds of CPU time after which the loop goes round.
TURN = 0.005


async def report_handlers() -> list[Row]:
    """Return a row for each group handler of the consumers that have run in this process.

    Those that no message has called yet are looked at now, which takes milliseconds each.
    """
    rows: list[Row] = []
    began = thread_time()
    for handlers in list(proven_handlers.known.values()):
        for row in _rows(handlers):
            rows.append(row)
            if thread_time() - began > TURN:
                await asyncio.sleep(0)
                began = thread_time()
    rows.sort(key=lambda row: (row["consumer"], row["handler"]))
    return rows[:MAX_ROWS]


def _rows(handlers: Handlers) -> Iterator[Row]:
    consumer = f"{handlers.owner.__module__}.{handlers.owner.__qualname__}"
    for name, argument in handlers.arguments.items():
        # Other methods of one argument may be meant for anything.
        if argument == "event" or name in handlers.called or handlers.is_proved(name):
            why = why_not(handlers, name)
            yield {"consumer": consumer, "handler": name, "shared": why is None, "why": why}


def why_not(handlers: Handlers, name: str) -> str | None:
    """Say why a handler isn't shared; None where it is."""
    if handlers.middleware is not None:
        return f"{handlers.middleware} takes part in send()"
    if isinstance(inspect.getattr_static(handlers.owner, name, None), SharedFrame):
        return None
    if not proven_handlers.is_on:
        return "the setting WEBSOCKET_SHARED_HANDLERS is False"
    verdict = handlers.verdict(name)
    if isinstance(verdict, Refusal):
        return str(verdict)
    if not verdict.still_holds(handlers.owner):
        return "something that it uses has been replaced since it was looked at"
    return None
