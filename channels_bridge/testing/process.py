"""A server in a process of its own, for tests."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.context import SpawnProcess
from typing import Any

from django.conf import settings

from channels_bridge.asgi import open_application
from channels_bridge.hub import serving_hubs
from channels_bridge.server.bind import TcpBind, listen
from channels_bridge.server.child import STARTUP_FAILURE, run_loop
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.context import Application
from channels_bridge.server.inprocess import serve

from .surroundings import Surroundings

__all__ = ["ServerProcess"]

_spawn = multiprocessing.get_context("spawn")

Hook = Callable[[], object]


class ServerProcess(SpawnProcess):
    """Serves an application on our engine, with the interface of ``daphne.testing.DaphneProcess``.

    ``start()`` it and wait for ``ready``; ``port`` has the port then. If the process ends instead,
    ``errors`` has an exception and its traceback. ``terminate()`` ends it as SIGTERM ends a worker:
    consumers are told. It also ends when the process that started it is gone.

    Where layers need a hub and none runs, it runs in this process too: consumers can be reached
    from the tests by ``async_to_sync(get_channel_layer().group_send)(...)``.

    Spec deviation: it is spawned, never forked, since gRPC does not survive a fork. It takes over
    the settings and databases of its parent, whatever overrides them, but no mocks. What it is
    given is imported there, so it can't be a lambda or a local function.

    Args:
        host: where to listen.
        get_application: returns the ASGI application; called in the new process.
        kwargs: fields of :class:`~channels_bridge.server.config.ServerConfig`.
        setup: called before the application serves.
        teardown: called once it doesn't any more.
        port: where to listen; any free port if there is none.
    """

    def __init__(
        self,
        host: str,
        get_application: Callable[[], Application],
        kwargs: Mapping[str, Any] | None = None,
        setup: Hook | None = None,
        teardown: Hook | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(name="live server", daemon=True)
        bind = TcpBind(f"{host}:{port or 0}", host, port or 0)
        limits: dict[str, Any] = {"shutdown_timeout": 2, "close_timeout": 2, **(kwargs or {})}
        self.host = host
        self.port = _spawn.Value("i", port or 0)
        self.ready = _spawn.Event()
        self.errors: multiprocessing.Queue[tuple[BaseException, str]] = _spawn.Queue()
        self._config = ServerConfig(application="", binds=(bind,), **limits)
        # Unpickled only after Django is set up, which what is imported for it may need.
        self._callables = pickle.dumps((get_application, setup, teardown))
        self._surroundings: Surroundings

    def start(self) -> None:
        self._surroundings = Surroundings()
        super().start()

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the tests end, and then this
        try:
            self._surroundings.enter()
            get_application, setup, teardown = pickle.loads(self._callables)
            _run_setup(setup)
            run_loop(self._serve(get_application(), teardown))
        except Exception as error:
            self.errors.put((_portable(error), traceback.format_exc()))
            sys.exit(STARTUP_FAILURE)

    async def _serve(self, application: Application, teardown: Hook | None) -> None:
        stop = _end_of_tests()
        async with serving_hubs(), open_application(application) as served:
            listeners = listen(self._config.binds)
            sockets = [listener.sock for listener in listeners]
            self.port.value = sockets[0].getsockname()[1]
            try:
                await serve(served, sockets, self._config, ready=self.ready.set, stop=stop)
            finally:
                if teardown is not None:
                    teardown()


def _end_of_tests() -> asyncio.Event:
    """Set by SIGTERM, and when the parent process is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if (parent := multiprocessing.parent_process()) is not None:
        loop.add_reader(parent.sentinel, stop.set)
    return stop


def _run_setup(setup: Hook | None) -> None:
    """Run it, but keep the databases: Channels' own puts ``test_`` before their names once more."""
    names = {alias: database["NAME"] for alias, database in settings.DATABASES.items()}
    if setup is not None:
        setup()
    for alias, name in names.items():
        settings.DATABASES[alias]["NAME"] = name


def _portable(error: Exception) -> Exception:
    """The exception, or one that says the same and survives the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
