"""A signal that all processes of a server get, as from systemd's ``KillMode=control-group``."""

from __future__ import annotations

import os
import signal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from compat_tests.processes.conftest import DEADLINE, SITE
from compat_tests.servers import websockets_server


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_are_told(socket_dir, number):
    """The server ends in order, and its log says so in words that fit."""
    env = {"TMPDIR": str(socket_dir)}
    with websockets_server(SITE, workers=2, env=env, arguments=["--drain-seconds", "2"]) as server:
        with connect(server.ws_url, proxy=None) as client:
            os.killpg(server.pid, number)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(DEADLINE)
            assert closed.value.rcvd.code == 1001
        assert server.wait() == 0
        log = server.log()
        assert f"{number.name}: stopping" in log
        assert "starting another" not in log
        if number == signal.SIGTERM:  # children leave what a terminal sends to the supervisor
            assert "was told to stop with the others; another serves until the workers have" in log
        assert log.splitlines()[-1].endswith("INFO stopped")
