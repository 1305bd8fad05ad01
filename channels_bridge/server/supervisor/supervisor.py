"""The supervisor: starts the services and the workers, watches them, and stops them in order.

It imports neither the application nor gRPC: what it starts are programs of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.common.exit_signals import Echoes
from channels_bridge.common.forks import handle_in_loop
from channels_bridge.common.orphans import Reaper
from channels_bridge.common.process_title import make_title
from channels_bridge.server.child.admission_link import serving_ledger, with_ledger
from channels_bridge.server.child.pipe import SupervisorEnd
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.debugging import keeping_terminal
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.supervisor.acceptor import Acceptor
from channels_bridge.server.supervisor.child_process import Child, Service
from channels_bridge.server.supervisor.hang_watch import Watch
from channels_bridge.server.supervisor.keeper import Keeper
from channels_bridge.server.supervisor.recycling import Recycling, log_replacement
from channels_bridge.server.supervisor.startup_timeout import StartLimit
from channels_bridge.server.supervisor.systemd import Notifier

logger = logging.getLogger("channels_bridge.server")

Watcher = Callable[[Census], AbstractAsyncContextManager[None]]
"""Monitoring, for as long as the server runs: a metrics endpoint, a control socket."""

#: Seconds beyond ``shutdown_timeout`` that a child has before it is killed: for its last steps, and
#: to leave the interpreter.
KILL_MARGIN = 5.0

#: Seconds in which a signal that has ended a child comes here as well, if it was sent to both.
SIGNAL_MARGIN = 0.2


class Supervisor:
    """Runs one server.

    Args:
        config: how to serve; passed to each worker.
        listeners: open listening sockets; closed at the end.
        services: what must run before the workers and stop after them, such as the hub.
        on_ready: called once everything serves.
        watchers: entered before anything is started, and left after everything has ended.
        is_alone: whether nothing else in this process starts others, whose exit codes it may want
            to know: as process 1, the supervisor reaps orphans then.
    """

    #: The signals that it handles.
    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(
        self,
        config: ServerConfig,
        listeners: Sequence[Listener],
        services: Sequence[Service] = (),
        on_ready: Callable[[], None] = lambda: None,
        watchers: Sequence[Watcher] = (),
        *,
        is_alone: bool = False,
    ) -> None:
        self._reaps = is_alone and os.getpid() == 1
        self._config = config = with_ledger(config)
        self._census = Census()
        self._watchers = watchers
        self._kill_after = config.drain_seconds + config.shutdown_timeout + KILL_MARGIN
        self._on_ready = on_ready
        self._wake = asyncio.Event()  # there is something to do: reload, recycle, or stop
        self._services = [self._keep(service, patient=config.reload) for service in services]
        #: The workers that are given connections.
        self._workers = self._make_workers(patient=config.reload)
        #: Workers that start in a reload, and those that it replaced and that have not ended yet.
        self._others: set[Keeper] = set()
        self._recycling = Recycling(self._wake.set)
        self._acceptor = Acceptor(listeners, self._channels)
        self._watch = Watch(config, self._running_children)
        self._orphans = Reaper(lambda: {child.pid for child in self._running_children()})
        self._systemd = Notifier(self._is_healthy)
        self._spreads = config.drain_seconds > 0
        self._reload_asked = False
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._echoes = Echoes()

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM; replace the workers at each SIGHUP.

        A second one ends the spreading of the closes, if ``drain_seconds`` asks for it; the next
        kills what has not stopped yet. Those that come within ``ECHO`` seconds of one don't count.

        Raises:
            StartupError: a service or a worker could not start.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            handle_in_loop(number, partial(self._handle_stop, number))
        handle_in_loop(signal.SIGHUP, self._handle_reload)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(keeping_terminal())
            await stack.enter_async_context(serving_ledger(self._config))
            for watcher in self._watchers:
                await stack.enter_async_context(watcher(self._census))
            if self._reaps:
                self._orphans.start()
                stack.callback(self._orphans.stop)
            await self._run()
        if self._stop.is_set():
            logger.info("stopped")

    async def _run(self) -> None:
        try:
            await self._start(self._services)
            await self._start(self._workers)
            self._watch.start()
            if not self._stop.is_set():
                self._accept()
            await self._follow()
        finally:
            await self._shut_down()

    def _accept(self) -> None:
        """Accept connections, and say so to whoever waits for that."""
        self._acceptor.start()
        self._census.phase = "serving"
        self._on_ready()
        self._systemd.ready("Serving")

    async def _shut_down(self) -> None:
        """Accept nothing more, and end all children: the services after the workers."""
        self._census.phase = "draining"
        self._recycling.stop()
        self._acceptor.stop()
        await self._end([*self._workers, *self._others])
        self._watch.stop()
        # After the workers, whose consumers may have groups to leave.
        await self._end(self._services)
        self._systemd.close()

    def _make_workers(self, *, patient: bool = False) -> list[Keeper]:
        workers = map(self._make_worker, range(self._config.workers))
        return [self._keep(worker, patient=patient) for worker in workers]

    def _make_worker(self, number: int) -> Service:
        return Service(
            "worker",
            "channels_bridge.server.worker.worker_process:main",
            (self._config,),
            number,
            interactive=self._config.workers == 1,
            title=make_title(f"worker {number}", self._config.asgi_application),
        )

    def _keep(self, service: Service, *, patient: bool) -> Keeper:
        return Keeper(
            service,
            self._census,
            kill_after=self._kill_after,
            start_limit=StartLimit(0 if self._config.reload else self._config.startup_timeout),
            on_wear=self._wake.set,
            patient=patient,
        )

    async def _follow(self) -> None:
        """Reload at each SIGHUP, and recycle what is worn, until it is time to stop.

        One after the other: signals that come meanwhile make one more reload.
        """
        while not self._stop.is_set():
            await self._wake.wait()
            self._wake.clear()
            if self._stop.is_set():
                return
            if self._reload_asked:
                self._reload_asked = False
                await self._reload()
                self._wake.set()  # where it failed, there may still be worn workers
            elif (worn := self._recycling.choose(self._workers)) is not None:
                await self._recycle(worn)

    async def _recycle(self, worn: Keeper) -> None:
        """Replace one worker once another is ready in its place; else it goes on."""
        child, wear = worn.child, worn.wear
        assert child is not None
        log_replacement(child, wear, self._config)
        fresh = self._keep(worn.service, patient=False)
        self._others.add(fresh)
        try:
            await self._start([fresh])
        except StartupError as error:
            logger.error("%s goes on, as no other could start: %s", child, error)
            await self._end([fresh])
            self._others.discard(fresh)
            self._recycling.put_off()
        else:
            if not self._stop.is_set():
                self._census.recycled[wear] += 1
                self._workers[self._workers.index(worn)] = fresh
                self._hand_over([worn], [fresh])
                self._recycling.leaves(worn)

    async def _reload(self) -> None:
        """Replace all workers by new ones once they are ready, or none if one can't start."""
        logger.info("reloading: starting new workers")
        self._systemd.reloading()
        fresh = self._make_workers()
        self._others.update(fresh)
        try:
            await self._start(fresh)
        except StartupError as error:
            logger.error("reload failed, the old workers go on: %s", error)
            await self._end(fresh)
            self._others.difference_update(fresh)
            self._systemd.ready("Serving; the last reload failed")
        else:
            if not self._stop.is_set():
                self._replace_workers(fresh)
                self._systemd.ready("Serving")

    def _replace_workers(self, fresh: list[Keeper]) -> None:
        retired, self._workers = self._workers, fresh
        self._hand_over(retired, fresh)
        logger.info("reloaded: new workers serve, the old ones finish")

    def _hand_over(self, retired: Iterable[Keeper], fresh: Iterable[Keeper]) -> None:
        """Let workers finish, in whose place others are given connections now."""
        self._others.difference_update(fresh)
        self._others.update(retired)
        for keeper in retired:
            keeper.stopped.add_done_callback(partial(self._forget, keeper))
            # The longest that a handshake may take which the old worker has begun.
            keeper.retire(self._config.handshake_timeout)

    def _forget(self, keeper: Keeper, _: asyncio.Future[None]) -> None:
        self._others.discard(keeper)

    def _channels(self) -> Iterator[SupervisorEnd]:
        return (keeper.child.channel for keeper in self._workers if keeper.child is not None)

    def _running_children(self) -> Iterator[Child]:
        keepers = (*self._services, *self._workers, *self._others)
        children = (keeper.child for keeper in keepers)
        return (child for child in children if child is not None and child.running)

    def _is_healthy(self) -> bool:
        return any(channel.ready for channel in self._channels())

    def _handle_reload(self) -> None:
        self._reload_asked = True
        self._wake.set()

    def _handle_stop(self, number: signal.Signals) -> None:
        if self._echoes.is_echo():
            return
        if not self._stop.is_set():
            logger.info("%s: stopping", number.name)
            self._systemd.stopping()
            self._stop.set()
            self._wake.set()
        elif self._spreads:
            logger.info("%s again: closing all connections now", number.name)
            self._spreads = False
            for keeper in [*self._workers, *self._others]:
                keeper.hurry()
        elif not self._hurry.is_set():
            logger.info("%s again: killing what has not stopped yet", number.name)
            self._hurry.set()

    async def _start(self, keepers: Sequence[Keeper]) -> None:
        """Start them all and wait until all are ready, or the server is to stop."""
        if self._stop.is_set():
            return
        for keeper in keepers:
            keeper.start()
        try:
            await _wait([keeper.started for keeper in keepers], unless=self._stop)
        except StartupError:
            # A signal to all processes may have ended one before it is noticed here.
            if not await is_set_within(self._stop, SIGNAL_MARGIN):
                raise

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
        await asyncio.wait([everything])
        if not everything.cancelled():  # it has failed just now, which nobody wants to know
            everything.exception()


async def _gather(futures: Sequence[asyncio.Future[None]]) -> None:
    # Shielded: who stops waiting must not cancel what others wait for.
    await asyncio.gather(*map(asyncio.shield, futures))
