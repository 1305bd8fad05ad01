"""A worker process: serves the connections that the supervisor passes to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial

from .channel import ChildEnd
from .child import Run, load
from .config import ServerConfig
from .context import Application, Context
from .dispatch import FirstRequest
from .http import make_http_protocol
from .lifespan import Lifespan

logger = logging.getLogger("channels_bridge.server")

#: Seconds that each last step of a worker may take: connections on their way to it, what was
#: cancelled, closing handshakes.
LINGER = 1.0


Opening = AbstractAsyncContextManager[Application]


def main(config: ServerConfig) -> Run:
    """A worker's :data:`~.child.Main`.

    Raises:
        StartupError: the application can't be had.
    """
    return partial(serve, config, load(config.application)(config))


async def serve(
    config: ServerConfig, opening: Opening, channel: ChildEnd, stop: asyncio.Event
) -> None:
    """Run a worker until ``stop`` is set or the supervisor is gone.

    Raises:
        StartupError: the application's lifespan startup failed.
    """
    async with opening as application, _lifespan(application) as lifespan:
        context = Context(application, config, lifespan.state, on_lost=channel.lost)
        intake = Intake(channel, context, stop)
        intake.start()
        channel.ready()
        await stop.wait()
        channel.stopping()
        await intake.finish()
        await shutdown(context)


@contextlib.asynccontextmanager
async def _lifespan(application: Application) -> AsyncIterator[Lifespan]:
    lifespan = Lifespan(application)
    await lifespan.startup()
    try:
        yield lifespan
    finally:
        await lifespan.shutdown()


class Intake:
    """Takes connections from the supervisor and gives each a protocol."""

    def __init__(self, channel: ChildEnd, context: Context, stop: asyncio.Event) -> None:
        self._channel = channel
        self._context = context
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._factory = partial(FirstRequest, context, make_http_protocol(context))
        certificate = context.config.certificate
        self._ssl = certificate.load() if certificate is not None else None
        self._starting: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    def start(self) -> None:
        self._loop.add_reader(self._channel.sock, self._take)

    async def finish(self) -> None:
        """Take what was passed before the supervisor heard that this worker stops."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), LINGER)
        self._loop.remove_reader(self._channel.sock)
        await _wait(self._starting, LINGER)

    def _take(self) -> None:
        try:
            for sock in self._channel.connections():
                task = self._loop.create_task(self._serve(sock))
                self._starting.add(task)
                task.add_done_callback(self._starting.discard)
        except EOFError:
            self._loop.remove_reader(self._channel.sock)
            self._ended.set()
            if not self._stop.is_set():
                logger.warning("the supervisor is gone; this worker stops")
                self._stop.set()

    async def _serve(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._factory,
                sock,
                ssl=self._ssl,
                ssl_handshake_timeout=self._context.config.handshake_timeout if self._ssl else None,
            )
        except OSError as error:  # gone between accept and here, or no TLS
            logger.debug("a connection was lost before it was served: %s", error)
            sock.close()
            self._channel.lost()


async def shutdown(context: Context) -> None:
    """End all connections: tell clients and applications, wait, then cancel what still runs."""
    for connection in tuple(context.connections):
        connection.shutdown()
    overdue = await _wait(context.tasks, context.config.shutdown_timeout)
    if overdue:
        logger.warning("shutdown: %d applications did not return in time; cancelled", len(overdue))
    for task in overdue:
        task.cancel()
    await _wait(overdue, LINGER)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(context.all_lost(), LINGER)


async def _wait(tasks: Iterable[asyncio.Task[None]], timeout: float) -> set[asyncio.Task[None]]:
    """Wait for tasks; returns those that still run after ``timeout`` seconds."""
    waiting = set(tasks)
    if not waiting:
        return waiting
    _, overdue = await asyncio.wait(waiting, timeout=timeout)
    return overdue
