"""Load balancing: each accepted connection goes to the worker that has the fewest."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Sequence

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.server.child.pipe import SupervisorEnd
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.socket_renewal import INTERVAL

logger = logging.getLogger("channels_bridge.server")

#: Connections taken from one listener at a time, so that none starves another.
BATCH = 64

#: Seconds until the next try when no worker can take a connection, or no descriptor is left.
#: Meanwhile connections wait in the kernel's backlog; nobody is refused.
PAUSE = 0.05


class Acceptor:
    """Balances connections over workers, by how many each has open.

    Workers that accept from one socket for themselves would get what the kernel gives them: with
    epoll, the busiest gets most, as the worker that waited last is woken. That does not matter for
    pages, but a WebSocket stays for hours. With ``SO_REUSEPORT`` a hash would decide, and what
    waits for a worker would be lost with it.

    Args:
        listeners: where connections come from.
        workers: the workers' channels, ready or not, as they are at the moment.
    """

    def __init__(
        self, listeners: Sequence[Listener], workers: Callable[[], Iterable[SupervisorEnd]]
    ) -> None:
        self._listeners = listeners
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._resume: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        #: A connection that was accepted when nobody could take it: it goes first.
        self._untaken: socket.socket | None = None
        self._notices = Notices(logger)

    def start(self) -> None:
        self._listen()
        self._looking = self._loop.call_later(INTERVAL, self._look)

    def _listen(self) -> None:
        for listener in self._listeners:
            keep_from_children(listener.sock)
            self._loop.add_reader(listener.sock, self._accept, listener.sock)

    def _look(self) -> None:
        """Listen again where a socket's file was removed."""
        self._looking = self._loop.call_later(INTERVAL, self._look)
        for listener in self._listeners:
            former = listener.sock
            # Not in a pause, at whose end all are listened on again.
            if self._resume is None and listener.restore():
                self._loop.remove_reader(former)
                self._loop.add_reader(listener.sock, self._accept, listener.sock)
                self._accept(former)  # who came before it was removed
                former.close()

    def stop(self) -> None:
        """Accept no more, and close the listening sockets."""
        self._suspend()
        for timer in (self._resume, self._looking):
            if timer is not None:
                timer.cancel()
        if self._untaken is not None:
            self._untaken.close()
        for listener in self._listeners:
            listener.close()

    def _suspend(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener.sock)

    def _pause(self) -> None:
        self._suspend()
        self._resume = self._loop.call_later(PAUSE, self._retry)

    def _retry(self) -> None:
        self._resume = None
        sock, self._untaken = self._untaken, None
        if sock is None or self._pass_on(sock):
            self._listen()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._notices.warn("accept", "cannot accept connections for now: %s", error)
                self._pause()
                return
            if not self._pass_on(sock):
                return

    def _pass_on(self, sock: socket.socket) -> bool:
        """Pass a connection to a worker. Where none takes it, keep it and pause."""
        # Sorted each time: workers are few, and their counts change with each connection.
        fit = [worker for worker in self._workers() if worker.available]
        for worker in sorted(fit, key=lambda worker: worker.connections):
            if worker.pass_connection(sock):
                sock.close()
                return True
        self._untaken = sock
        self._pause()
        return False
