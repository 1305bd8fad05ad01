"""The program of a live server's process, which serves until the tests end."""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.forks import endure, handle_in_loop, keep_from_children
from channels_bridge.groups.linked import isolation
from channels_bridge.logs import configure_logging
from channels_bridge.project.asgi_application import open_application
from channels_bridge.project.hubs import serving_hubs
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.child.main import STARTUP_FAILURE, run_loop
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.listen import listen
from channels_bridge.server.worker.inprocess import serve

Hook = Callable[[], object]


def run(
    surroundings: Surroundings,
    hubs: Path,
    config: ServerConfig,
    callables: bytes,
    reports: int,
    life: int,
) -> None:
    """Serve, as the main function of the server's program.

    Args:
        hubs: the directory of the hubs of tests.
        callables: pickled.
        reports: the pipe that the tests listen to.
        life: a pipe whose end is the end of the tests.
    """
    endure(signal.SIGINT)  # Ctrl-C: the tests end, and then this
    with open(life, "rb", buffering=0) as tests, open(reports, "wb", buffering=0) as pipe:
        keep_from_children(pipe, tests)
        try:
            isolation.relocate(hubs)
            surroundings.enter()
            get_application, setup, teardown = pickle.loads(callables)
            _run_setup(setup)
            application = get_application()
            configure_logging(level=logging.WARNING)  # again: the import may have set up logging
            run_loop(_Server(config, pipe, tests).serve(application, teardown))
        except Exception as error:
            pickle.dump((_portable(error), traceback.format_exc()), pipe)
            leave_soon(STARTUP_FAILURE)
            sys.exit(STARTUP_FAILURE)


class _Server:
    def __init__(self, config: ServerConfig, reports: BinaryIO, tests: BinaryIO) -> None:
        self._config = config
        self._reports = reports
        self._tests = tests

    async def serve(self, application: Application, teardown: Hook | None) -> None:
        stop = self._end_of_tests()
        async with serving_hubs(), open_application(application) as served:
            listeners = listen(self._config.binds)
            sockets = [listener.sock for listener in listeners]
            port: int = sockets[0].getsockname()[1]
            try:
                await serve(
                    served, sockets, self._config, ready=lambda: self._report(port), stop=stop
                )
            finally:
                if teardown is not None:
                    teardown()
        leave_soon(0)

    def _report(self, port: int) -> None:
        pickle.dump(port, self._reports)

    def _end_of_tests(self) -> asyncio.Event:
        """An event that is set by SIGTERM, and when the parent process is gone."""
        stop = asyncio.Event()
        handle_in_loop(signal.SIGTERM, stop.set)
        asyncio.get_running_loop().add_reader(self._tests, stop.set)
        return stop


def _run_setup(setup: Hook | None) -> None:
    """Run the hook, but keep the databases' names: Channels' own hook adds ``test_`` once more."""
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
