"""The supervisor: starts the services and the workers, watches them, and stops them in order.

It imports neither the application nor gRPC: what it starts, it spawns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from .acceptor import Acceptor
from .bind import Listener
from .census import Census
from .channel import SupervisorEnd
from .config import ServerConfig
from .process import Keeper, Service

logger = logging.getLogger("channels_bridge.server")

Watcher = Callable[[Census], AbstractAsyncContextManager[None]]
"""Shows people and their tools what the server does."""

# Seconds beyond shutdown_timeout that a child has before it is killed.
KILL_MARGIN = 5.0


class Supervisor:
    """Runs one server.

    Args:
        config: how to serve; passed to each worker.
        listeners: open listening sockets; closed at the end.
        services: what must run before the workers and stop after them, such as the hub.
        on_ready: called once everything serves.
        watchers: entered before anything is started, and left after everything has ended.
    """

    def __init__(
        self,
        config: ServerConfig,
        listeners: Sequence[Listener],
        services: Sequence[Service] = (),
        on_ready: Callable[[], None] = lambda: None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self._config = config
        self._census = Census()
        self._watchers = watchers
        self._kill_after = config.drain_seconds + config.shutdown_timeout + KILL_MARGIN
        self._on_ready = on_ready
        self._services = [self._keep(service) for service in services]
        worker = Service("worker", "channels_bridge.server.worker:main", (config,))
        self._workers = [self._keep(worker) for _ in range(config.workers)]
        self._acceptor = Acceptor(listeners, self._channels)
        self._spreads = config.drain_seconds > 0
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM.

        A second one ends the spreading of the closes, if ``drain_seconds`` asks for it; the next
        kills what has not stopped yet.

        Raises:
            StartupError: a service or a worker could not start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._handle_stop, number)
        async with contextlib.AsyncExitStack() as stack:
            for watcher in self._watchers:
                await stack.enter_async_context(watcher(self._census))
            await self._run()

    async def _run(self) -> None:
        try:
            await self._start(self._services)
            await self._start(self._workers)
            if not self._stop.is_set():
                self._acceptor.start()
                self._census.phase = "serving"
                self._on_ready()
            await self._stop.wait()
        finally:
            self._census.phase = "draining"
            self._acceptor.stop()
            await self._end(self._workers)
            await self._end(self._services)

    def _keep(self, service: Service) -> Keeper:
        return Keeper(
            service, self._census, kill_after=self._kill_after, patient=self._config.reload
        )

    def _channels(self) -> Iterator[SupervisorEnd]:
        return (keeper.child.channel for keeper in self._workers if keeper.child is not None)

    def _handle_stop(self, number: signal.Signals) -> None:
        if not self._stop.is_set():
            logger.info("%s: stopping", number.name)
            self._stop.set()
        elif self._spreads:
            logger.info("%s again: closing all connections now", number.name)
            self._spreads = False
            for keeper in self._workers:
                keeper.stop()
        else:
            logger.info("%s again: killing what has not stopped yet", number.name)
            self._hurry.set()

    async def _start(self, keepers: Sequence[Keeper]) -> None:
        """Start them all and wait until all are ready, or the server is to stop."""
        if self._stop.is_set():
            return
        for keeper in keepers:
            keeper.start()
        await _wait([keeper.started for keeper in keepers], unless=self._stop)

    async def _end(self, keepers: Sequence[Keeper]) -> None:
        """Stop them; kill those that are late, or at once after a second signal."""
        for keeper in keepers:
            keeper.stop()
        stopped = [keeper.stopped for keeper in keepers]
        await _wait(stopped, self._kill_after, unless=self._hurry)
        for keeper in keepers:
            keeper.kill()
        await _wait(stopped)


async def _wait(
    futures: Sequence[asyncio.Future[None]],
    timeout: float | None = None,
    *,
    unless: asyncio.Event | None = None,
) -> None:
    """Wait for all of them, or until ``timeout`` seconds passed or ``unless`` is set.

    Raises:
        StartupError: the exception of the first that has one, at once.
    """
    everything = asyncio.create_task(_gather(futures))
    event = asyncio.create_task((unless or asyncio.Event()).wait())
    tasks: set[asyncio.Task[Any]] = {everything, event}
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    event.cancel()
    if everything.done():
        everything.result()
    else:
        everything.cancel()


async def _gather(futures: Sequence[asyncio.Future[None]]) -> None:
    await asyncio.gather(*map(asyncio.shield, futures))
