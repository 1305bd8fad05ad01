"""Connection draining: closes spread over time, so that clients do not all reconnect at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.server.websocket.context import Closable, Context

logger = logging.getLogger("channels_bridge.server")

#: Seconds between two steps; connections that are due meanwhile are closed together.
STEP = 0.05


async def drain(context: Context, hurry: asyncio.Event) -> None:
    """Close what is open, evenly over ``drain_seconds``; returns early once ``hurry`` is set.

    HTTP connections come first: idle ones are closed at once, busy ones after their response.
    Handshakes go on. What is left in the end is for ``serving.shutdown()``.

    Args:
        context: the worker's connections.
        hurry: to be set when a second signal says that there is no time.
    """
    seconds = context.config.drain_seconds
    if not seconds or not context.connections:
        return
    for announce in context.on_drain:
        announce(seconds)
    for connection in tuple(context.connections):
        if not connection.lasting:
            connection.shutdown()
    queue = [connection for connection in context.connections if connection.lasting]
    logger.info("closing %d connections over %g s", len(queue), seconds)
    await _close_evenly(queue, context, hurry)


async def _close_evenly(queue: Sequence[Closable], context: Context, hurry: asyncio.Event) -> None:
    """Close the connections in order, each when its part of ``drain_seconds`` is over."""
    seconds = context.config.drain_seconds
    loop = asyncio.get_running_loop()
    start, closed = loop.time(), 0
    while closed < len(queue) and context.connections and not await is_set_within(hurry, STEP):
        due = int(len(queue) * min((loop.time() - start) / seconds, 1))
        # Of those that are due, many have ended by themselves meanwhile.
        for connection in context.connections.intersection(queue[closed:due]):
            connection.shutdown()
        closed = due
