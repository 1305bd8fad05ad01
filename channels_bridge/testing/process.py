"""A server in a separate process, for tests."""

from __future__ import annotations

import atexit
import functools
import os
import pickle
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from channels_bridge.common import child_program
from channels_bridge.common.forks import keep_from_children
from channels_bridge.groups.linked import isolation
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.bind import TcpBind
from channels_bridge.server.config import ServerConfig
from channels_bridge.testing.server_program import Hook

#: Seconds for a server to end at the end of the tests, where they did not end it.
END_DEADLINE = 10


class ServerProcess:
    """Serves an application on our engine, with the interface of ``daphne.testing.DaphneProcess``.

    ``start()`` it and wait for ``ready``; ``port`` has the port then. If the process ends instead,
    ``errors`` has an exception and its traceback. ``terminate()`` ends it as SIGTERM ends a worker:
    consumers are told. It also ends when the process that started it is gone.

    The hub that layers need runs in this process too, wherever settings have it: other servers of
    the project have no part in the tests. Until the process is told to end, consumers can be
    reached from the tests by ``async_to_sync(get_channel_layer().group_send)(...)``.

    Spec deviation: it is never forked, since an event loop does not survive that. It has the
    methods of ``multiprocessing.Process`` but is a separate program, which may use multiprocessing
    like any other. It takes over the settings and databases of its parent, overrides included, but
    no mocks. The functions that it is given are imported there, so they can't be lambdas or local
    functions.

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
        """Start the program, and share groups with it until it is told to end. Raises OSError."""
        ours, theirs = os.pipe()
        held, life = os.pipe()
        try:
            self._process = self._start_program(theirs, held)
        finally:
            os.close(theirs)
            os.close(held)
        self._life = open(life, "wb")
        keep_from_children(self._life)
        threading.Thread(target=self._listen, args=[open(ours, "rb")], daemon=True).start()
        atexit.register(self._end)
        self._hub.enter_context(using_hub_of_tests())

    def _start_program(self, reports: int, life: int) -> subprocess.Popen[bytes]:
        return child_program.start(
            "channels_bridge.testing.server_program:run",
            Surroundings(),
            _directory_of_hubs(),
            self._config,
            self._callables,
            reports,
            life,
            fds=[reports, life],
        )

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
