"""A pytest fixture: a live server for tests under pytest-django.

Name it in the project's ``conftest.py``, and use it as a fixture::

    pytest_plugins = ["channels_bridge.testing.pytest_plugin"]

    def test_greeting(channels_live_server):
        with connect(f"{channels_live_server.ws_url}/greet/") as websocket:
            assert websocket.recv() == "hello"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.test.utils import modify_settings

from channels_bridge.testing.live import (
    make_application,
    require_shared_databases,
    stop,
    wait_until_ready,
)
from channels_bridge.testing.process import ServerProcess, using_hub_of_tests


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


@pytest.fixture
def channels_live_server(transactional_db: None, _live_server: LiveServer) -> Iterator[LiveServer]:
    """Serve the project, with static files, by our engine in a separate process.

    One process serves all tests of the session; the database is flushed after each. Groups are
    shared with it while a test uses this.
    """
    with using_hub_of_tests():
        yield _live_server


@pytest.fixture(scope="session")
def _live_server(django_db_setup: None, django_db_blocker: object) -> Iterator[LiveServer]:
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
