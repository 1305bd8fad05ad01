"""Projects that prepare something in asgi.py and manage.py before Django is set up."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from websockets.sync.client import connect

from compat_tests.servers import websockets_server

pytest.importorskip("pymysql")
pytest.importorskip("configurations")

PREPARED = Path(__file__).parent / "prepared"


@pytest.mark.skipif(
    sys.version_info >= (3, 15) and version("django-configurations").startswith("2.5."),
    reason="django-configurations 2.5 can't import settings on Python 3.15",
)
def test_prepared():
    """Settings classes of django-configurations, and PyMySQL in the place of MySQLdb, are served.

    The project's manage.py has no guard around its command.
    """
    with websockets_server(PREPARED) as server:
        with connect(server.ws_url) as websocket:
            assert websocket.recv(10) == "production mysql pymysql"
