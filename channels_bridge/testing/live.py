"""Live-server test cases, as in ``channels.testing.live``, on our server.

Daphne need not be installed.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Any

from channels.routing import get_default_application
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.test.testcases import TransactionTestCase
from django.test.utils import modify_settings

from channels_bridge import conf
from channels_bridge.project.asgi_application import get_application
from channels_bridge.testing.process import ServerProcess

__all__ = ["ChannelsLiveServerTestCase", "make_application", "set_database_connection"]

#: Seconds for a server process to end when told to; then it is killed.
STOP_DEADLINE = 10


def make_application(*, static_wrapper: Callable[[Any], Any] | None) -> Any:
    """Make the project's application, Channels' or native, with static files."""
    application = get_application() if conf.route_module() else get_default_application()
    return application if static_wrapper is None else static_wrapper(application)


def set_database_connection() -> None:
    """Make the tests' database the default one, in a server process that is spawned.

    ``ServerProcess`` needs no such call; other classes of server processes do.
    """
    database: dict[str, Any] = settings.DATABASES["default"]
    database["NAME"] = database["TEST"]["NAME"] or f"{TEST_DATABASE_PREFIX}{database['NAME']}"


def is_in_memory(connection: Any) -> bool:
    return connection.vendor == "sqlite" and bool(connection.is_in_memory_db())


def require_shared_databases(is_in_memory: Callable[[Any], bool] = is_in_memory) -> None:
    """Make sure that another process can open each database.

    Raises:
        ImproperlyConfigured: one is in memory.
    """
    if any(map(is_in_memory, connections.all())):
        raise ImproperlyConfigured(
            "ChannelLiveServerTestCase can not be used with in memory databases: its server is "
            "another process. Give tests a file, as by "
            'DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}'
        )


def wait_until_ready(process: Any) -> int:
    """Wait for a server process to serve. Returns its port.

    Raises:
        RuntimeError: it ended instead; the message has its error and traceback, where known.
    """
    while not process.ready.wait(timeout=1):
        if not process.is_alive():
            raise RuntimeError(f"Server stopped{_explain(process)}")
    port: int = process.port.value
    return port


class ChannelsLiveServerTestCase(TransactionTestCase):
    """Serves the project in a process of its own while the tests of the class run.

    Attributes:
        host: where it listens, on any free port; allowed in ``ALLOWED_HOSTS`` meanwhile.
        ProtocolServerProcess: ``ServerProcess``, ``daphne.testing.DaphneProcess``
            or another class with their interface.
        static_wrapper: an ASGI application around the project's, which serves static files.
        serve_static: whether to use it.
    """

    host = "localhost"
    ProtocolServerProcess: Any = ServerProcess
    static_wrapper: Any = ASGIStaticFilesHandler
    serve_static = True

    _port: int
    _server_process: Any

    @property
    def live_server_url(self) -> str:
        return f"http://{self.host}:{self._port}"

    @property
    def live_server_ws_url(self) -> str:
        return f"ws://{self.host}:{self._port}"

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server, and wait until it serves.

        Raises:
            ImproperlyConfigured: a database is in memory.
            RuntimeError: the server did not start; the message has its traceback.
        """
        require_shared_databases(cls._is_in_memory_db)
        super().setUpClass()
        allowing = modify_settings(ALLOWED_HOSTS={"append": cls.host})
        allowing.enable()
        cls.addClassCleanup(allowing.disable)
        process = cls._make_process()
        process.start()
        cls.addClassCleanup(stop, process)
        cls._server_process = process
        cls._port = wait_until_ready(process)

    @classmethod
    def _make_process(cls) -> Any:
        wrapper = cls.static_wrapper if cls.serve_static else None
        return cls.ProtocolServerProcess(
            cls.host,
            partial(make_application, static_wrapper=wrapper),
            setup=set_database_connection,
        )

    @classmethod
    def _is_in_memory_db(cls, connection: Any) -> bool:
        return is_in_memory(connection)


def stop(process: Any) -> None:
    """End a server process, and wait for its end: its database may be destroyed then."""
    process.terminate()
    process.join(STOP_DEADLINE)
    if process.is_alive():
        process.kill()
        process.join()


def _explain(process: Any) -> str:
    try:
        return f":\n{process.errors.get(timeout=1)[1]}"
    except queue.Empty:
        return f" with exit code {process.exitcode}, before it was ready"
