"""Workers whose event loop is stuck, as real processes."""

from __future__ import annotations

import asyncio
import os
import pdb
import signal
import time
from pathlib import Path

import pytest

from channels_bridge.server import debugging
from channels_bridge.server.child.heartbeat import interval
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.supervisor.child_process import Child, Service
from compat_tests.server.supervisor.test_graceful_reload import wait_for_log
from compat_tests.server.supervisor.test_supervisor import DEADLINE, Clients
from compat_tests.servers import engine, wait_for


async def test_stuck_workers_are_replaced():
    """A worker that is stuck is shown in the log, gets nothing new, and is replaced in the end."""
    with engine("127.0.0.1:0", "blocking", 3, "worker_timeout=3") as server:
        async with Clients(server) as clients:
            await clients.add(3)
            blocked, stopped, other = clients.per_worker()
            await clients.open[0].send("/nowhere")
            os.kill(stopped, signal.SIGSTOP)
            for pid in (blocked, stopped):
                await wait_for_log(server, f"worker [{pid}] has been stuck for")
            await clients.add(3)
            assert clients.per_worker() == {blocked: 1, stopped: 1, other: 4}
            for pid in (blocked, stopped):
                await wait_for_log(server, f"worker [{pid}] is killed: stuck for 3 s")
                assert await clients.drop(pid) == 1
            await wait_for_log(server, "is ready", 5)
            await clients.add(2)
            assert len(clients.per_worker()) == 3
        assert server.log().count("in _block_until_there") == 2
        assert server.log().count("no stacks: it is stopped") == 2


async def test_a_worker_that_was_stuck_goes_on(tmp_path: Path):
    """A worker that was stuck for less than --worker-timeout goes on as if nothing had been."""
    with engine("127.0.0.1:0", "blocking", 1, "worker_timeout=6") as server:
        async with Clients(server) as clients:
            await clients.add(1)
            await clients.open[0].send(str(tmp_path / "there"))
            await wait_for_log(server, "has been stuck for")
            connecting = asyncio.create_task(clients.add(1))
            (tmp_path / "there").touch()
            assert await asyncio.wait_for(clients.open[0].recv(), DEADLINE)
            await asyncio.wait_for(connecting, DEADLINE)
            assert len(clients.per_worker()) == 1
        assert "killed" not in server.log()


async def test_a_worker_that_is_asked_early():
    """A worker that is asked for its stacks before it can tell them does so once it can."""
    config = ServerConfig(application="compat_tests.server.applications:echo")
    child = Child(Service("worker", "channels_bridge.server.worker.worker_process:main", (config,)))
    try:
        child.stacks.ask(child.pid)
        shown = await asyncio.to_thread(wait_for, child.stacks.read, DEADLINE)
    finally:
        child.process.kill()
        how = child.reap()
    assert shown, how


async def test_a_server_that_was_stopped():
    """Time in which the whole server was stopped, as a laptop's is asleep, is not counted."""
    with engine("127.0.0.1:0", "echo", 2, "worker_timeout=2") as server:
        async with Clients(server) as clients:
            await clients.add(2)
            before = set(clients.per_worker())
            processes = [server.pid, *before]
            for pid in reversed(processes):
                os.kill(pid, signal.SIGSTOP)
            end = time.monotonic() + 2.5
            await asyncio.to_thread(wait_for, lambda: time.monotonic() > end, DEADLINE)
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
            await clients.add(2)
            assert set(clients.per_worker()) == before
        assert "stuck" not in server.log()


def test_where_nothing_is_watched():
    """There are no heartbeats where the limit is off, nor in development."""
    assert interval(ServerConfig(application="")) == 1
    assert interval(ServerConfig(application="", worker_timeout=0)) == 0
    assert interval(ServerConfig(application="", reload=True)) == 0


@pytest.mark.parametrize(
    ("path", "function", "waits"),
    [
        (pdb.__file__, "cmdloop", True),
        ("/site/app/pdb.py", "load", False),
        ("/venv/lib/pydevd.py", "_do_wait_suspend", True),
        ("/venv/lib/pydevd.py", "run", False),
    ],
)
def test_debuggers(path, function, waits):
    """A worker at a debugger's prompt is left alone; a project's module of its name is none."""
    assert debugging.is_debugged(f'  File "{path}", line 5 in {function}') == waits
