"""Limits on what one client address may have, over several workers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus

from channels_bridge.server.child.admission_link import Asking, with_ledger
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from compat_tests.engine import DEADLINE
from compat_tests.server.supervisor.test_supervisor import Clients
from compat_tests.servers import engine as supervised


async def test_the_limit_holds_over_all_workers():
    """Two workers share one limit, and what a killed worker held is given back."""
    with supervised("127.0.0.1:0", "echo", 2, "max_connections_per_address=4") as server:
        async with Clients(server) as clients:
            await clients.add(4)
            assert len(clients.per_worker()) == 2
            with pytest.raises(InvalidStatus) as refused:
                await clients.add(1)
            assert refused.value.response.status_code == 429
            pid = clients.pid(clients.open[0])
            psutil.Process(pid).send_signal(signal.SIGKILL)
            gone = await clients.drop(pid)
            await asyncio.wait_for(_add_patiently(clients, gone), DEADLINE)
            with pytest.raises(InvalidStatus):
                await clients.add(1)


async def _add_patiently(clients, count):
    """Connect that often. A place is free a little after its connection has ended, and it takes a
    moment to notice that a worker was killed.
    """
    while count:
        with contextlib.suppress(InvalidHandshake, OSError, EOFError):
            await clients.add(1)
            count -= 1


async def test_a_supervisor_that_is_gone():
    """What nobody can answer any more is granted: the worker is about to end."""
    answers = []
    asking = Asking()
    asking.connection_made(Written())
    asking.claim("192.0.2.1", answers.append)
    asking.connection_lost(None)
    asking.claim("192.0.2.2", answers.append)
    asking.release("192.0.2.1")
    assert answers == [True, True]


def test_a_directory_too_long_for_sockets(socket_dir, monkeypatch):
    """The ledger's socket is then elsewhere; where everything is too long, it is said what to
    set.
    """
    long = socket_dir / ("x" * 100)
    long.mkdir()
    config = ServerConfig(
        application="", workers=2, max_connections_per_address=1, runtime_dir=str(long)
    )
    monkeypatch.setattr(tempfile, "tempdir", str(socket_dir))
    assert Path(with_ledger(config).ledger).parent.parent == socket_dir
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(StartupError, match="set WEBSOCKET_RUNTIME_DIR"):
        with_ledger(config)
    assert not list(long.iterdir())


class Written:
    """A transport that nobody reads."""

    def write(self, data):
        pass
