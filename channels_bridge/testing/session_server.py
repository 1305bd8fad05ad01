"""The live server that all tests of a pytest session share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.test.utils import modify_settings

from channels_bridge.testing.live import (
    make_application,
    require_shared_databases,
    stop,
    wait_until_ready,
)
from channels_bridge.testing.process import ServerProcess


@dataclass(frozen=True)
class LiveServer:
    """The address where the project is served.

    Attributes:
        host: the host name.
        port: the port.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """The site's root, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same for WebSockets."""
        return f"ws://{self.host}:{self.port}"


@contextlib.contextmanager
def serve() -> Iterator[LiveServer]:
    """Serve the project until the block ends; groups are not shared with it yet.

    Raises:
        ImproperlyConfigured: a database is in memory.
        RuntimeError: the server did not start; the message has its traceback.
    """
    host = "localhost"
    application = partial(make_application, static_wrapper=ASGIStaticFilesHandler)
    require_shared_databases()
    with modify_settings(ALLOWED_HOSTS={"append": host}):
        process = ServerProcess(host, application)
        process.start()
        try:
            port = wait_until_ready(process)
            process.leave_hub()  # tests without the fixture keep their groups to themselves
            yield LiveServer(host, port)
        finally:
            stop(process)
