"""Graceful shutdown: an application's lifespan around its connections, and how both end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable

from channels_bridge.server.access_log import AccessLog
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.lifespan import Lifespan

logger = logging.getLogger("channels_bridge.server")

#: Seconds that each last step of a shutdown may take: connections on their way here, cancelled
#: applications, closing handshakes.
LINGER = 1.0


@contextlib.asynccontextmanager
async def serving(
    application: Application,
    config: ServerConfig,
    *,
    on_lost: Callable[[], None] = lambda: None,
    access: AccessLog | None = None,
) -> AsyncIterator[Context]:
    """Start the application; however the block ends, end all connections, then the application.

    Args:
        application: what serves connections, and speaks the lifespan protocol if it can.
        config: the limits.
        on_lost: called once for each connection whose transport is gone.
        access: writes the access lines, if not as ``websockets_server`` does.

    Raises:
        StartupError: the application's lifespan startup failed.
    """
    lifespan = Lifespan(application)
    await lifespan.startup()
    context = Context(application, config, lifespan.state, on_lost, access)
    try:
        yield context
    finally:
        try:
            await shutdown(context)
        finally:
            await lifespan.shutdown()


async def shutdown(context: Context) -> None:
    """End all connections: tell clients and applications, wait, then cancel what still runs.

    It takes ``shutdown_timeout`` at most, and twice ``LINGER`` where applications don't end in it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + context.config.shutdown_timeout
    context.ending = True
    for connection in tuple(context.connections):
        connection.shutdown()
    if context.finishes_handshakes:  # which have no task yet to wait for
        await _until_lost(context, deadline - loop.time())
    await _cancel(await wait(context.tasks, deadline - loop.time()))
    await _until_lost(context, LINGER)


async def _cancel(overdue: set[asyncio.Task[None]]) -> None:
    """Cancel applications, which then have ``LINGER`` seconds to return."""
    if overdue:
        logger.warning("shutdown: %d applications did not return in time; cancelled", len(overdue))
    for task in overdue:
        task.cancel()
    await wait(overdue, LINGER)


async def _until_lost(context: Context, timeout: float) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(context.all_lost(), timeout)


async def wait(tasks: Iterable[asyncio.Task[None]], timeout: float) -> set[asyncio.Task[None]]:
    """Wait for tasks; returns those that still run after ``timeout`` seconds."""
    waiting = set(tasks)
    if not waiting:
        return waiting
    _, overdue = await asyncio.wait(waiting, timeout=timeout)
    return overdue
