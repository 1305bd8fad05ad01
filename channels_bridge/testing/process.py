"""A server in a separate process, for tests."""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from django.conf import settings

from channels_bridge.common import child_program
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.forks import endure, handle_in_loop, keep_from_children
from channels_bridge.groups import isolation
from channels_bridge.logs import configure_logging
from channels_bridge.project.asgi_application import open_application
from channels_bridge.project.hubs import serving_hubs
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.bind import TcpBind
from channels_bridge.server.child.main import STARTUP_FAILURE, run_loop
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.listen import listen
from channels_bridge.server.worker.inprocess import serve

#: Seconds for a server to end at the end of the tests, where they did not end it.
END_DEADLINE = 10

Hook = Callable[[], object]


class ServerProcess:
    """Serves an application on our engine, with the interface of ``daphne.testing.DaphneProcess``.

    ``start()`` it and wait for ``ready``; ``port`` has the port then. If the process ends instead,
    ``errors`` has an exception and its traceback. ``terminate()`` ends it as SIGTERM ends a worker:
    consumers are told. It also ends when the process that started it is gone.

    The hub that layers need runs in this process too, wherever settings have it: other servers of
    the project have no part in the tests. Until the process is told to end, consumers can be
    reached from the tests by ``async_to_sync(get_channel_layer().group_send)(...)``.

    Spec deviation: it is never forked, since gRPC does not survive a fork. It has the methods of
    ``multiprocessing.Process`` but is a separate program, which may use multiprocessing like any
    other. It takes over the settings and databases of its parent, overrides included, but no mocks.
    The functions that it is given are imported there, so they can't be lambdas or local functions.

    Args:
        host: where to listen.
        get_application: returns the ASGI application; called in the new process.
        kwargs: fields of ``channels_bridge.server.config.ServerConfig``.
        setup: called before the application serves.
        teardown: called once it has stopped serving.
        port: where to listen; any free port if there is none.
    """

    name = "live server"
    daemon = True

    def __init__(
        self,
        host: str,
        get_application: Callable[[], Application],
        kwargs: Mapping[str, Any] | None = None,
        setup: Hook | None = None,
        teardown: Hook | None = None,
        port: int | None = None,
    ) -> None:
        bind = TcpBind(f"{host}:{port or 0}", host, port or 0)
        limits: dict[str, Any] = {"shutdown_timeout": 2, "close_timeout": 2, **(kwargs or {})}
        self.host = host
        self.port = SimpleNamespace(value=port or 0)
        self.ready = threading.Event()
        self.errors: queue.Queue[tuple[BaseException, str]] = queue.Queue()
        self._config = ServerConfig(application="", binds=(bind,), **limits)
        # Unpickled only after Django is set up, as the import of these functions may need that.
        self._callables = pickle.dumps((get_application, setup, teardown))
        self._process: subprocess.Popen[bytes] | None = None
        self._life: BinaryIO  # closed with this process, which ends the other
        self._hub = ExitStack()  # closed when the tests share groups with the other no longer

    def start(self) -> None:
        ours, theirs = os.pipe()
        held, life = os.pipe()
        try:
            self._process = child_program.start(
                "channels_bridge.testing.process:run",
                Surroundings(),
                _directory_of_hubs(),
                self._config,
                self._callables,
                theirs,
                held,
                fds=[theirs, held],
            )
        finally:
            os.close(theirs)
            os.close(held)
        self._life = open(life, "wb")
        keep_from_children(self._life)
        reports = threading.Thread(target=self._listen, args=[open(ours, "rb")], daemon=True)
        reports.start()
        atexit.register(self._end)
        self._hub.enter_context(using_hub_of_tests())

    def terminate(self) -> None:
        """Ask the process to end."""
        self.leave_hub()
        self._started.terminate()

    def kill(self) -> None:
        self.leave_hub()
        self._started.kill()

    def leave_hub(self) -> None:
        """Stop sharing groups with the process: those of the tests stay within their own."""
        self._hub.close()

    def join(self, timeout: float | None = None) -> None:
        """Wait at most ``timeout`` seconds for the process to end; see ``exitcode``."""
        try:
            self._started.wait(timeout)
        except subprocess.TimeoutExpired:
            return
        self.leave_hub()
        self._life.close()
        atexit.unregister(self._end)

    def close(self) -> None:
        """Do nothing: ``join()`` has closed everything."""

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def exitcode(self) -> int | None:
        """None while it runs; below 0: the signal that killed it."""
        return self._process.poll() if self._process is not None else None

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ValueError("the process has not been started")
        return self._process

    def _listen(self, pipe: BinaryIO) -> None:
        """Receive the process's reports: its port, or why it can't serve."""
        with pipe:
            while True:
                try:
                    report = pickle.load(pipe)
                except EOFError:
                    return
                if isinstance(report, int):
                    self.port.value = report
                    self.ready.set()
                else:
                    self.errors.put(report)

    def _end(self) -> None:
        """End the process at the end of the tests, if they did not end it."""
        self.terminate()
        self.join(END_DEADLINE)
        self.kill()
        self.join()


def using_hub_of_tests() -> AbstractContextManager[None]:
    """Share groups with the servers that this process has started, within the block."""
    return isolation.relocation(_directory_of_hubs())


def _directory_of_hubs() -> Path:
    return _make_directory(os.getpid())


@functools.lru_cache(maxsize=1)
def _make_directory(pid: int) -> Path:
    """Make a directory for a process, which removes it at its end."""
    directory = tempfile.mkdtemp(prefix="channels_bridge-tests-")
    atexit.register(_remove, directory, pid)
    return Path(directory)


def _remove(directory: str, pid: int) -> None:
    if pid == os.getpid():  # not in a fork
        shutil.rmtree(directory, ignore_errors=True)


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
    tests = open(life, "rb", buffering=0)
    with open(reports, "wb", buffering=0) as pipe:
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
