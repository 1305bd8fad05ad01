"""A server that runs out of what the system gives it, as real processes."""

from __future__ import annotations

import asyncio
import os
import resource
import signal

import pytest

from compat_tests.server.supervisor.test_graceful_reload import wait_for_log
from compat_tests.server.supervisor.test_supervisor import DEADLINE, Clients
from compat_tests.servers import engine, no_descriptors

linux = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux' prlimit")


@linux
async def test_no_descriptor_is_left():
    """A server without descriptors serves those it has, and lets others wait until there are."""
    with engine() as server:
        async with Clients(server) as clients:
            await clients.add(2)
            with no_descriptors(server.pid):
                waiting = asyncio.create_task(clients.add(1))
                await wait_for_log(server, "cannot accept connections for now: [Errno 24]")
                for client in clients.open:
                    await client.send("hello")
                    assert await asyncio.wait_for(client.recv(), DEADLINE) == "hello"
                assert not waiting.done()
            await asyncio.wait_for(waiting, DEADLINE)
            assert len(clients.open) == 3


@linux
async def test_a_process_that_cannot_be_started():
    """A worker for which the system has no room now is started once there is."""
    with engine(workers=1) as server:
        async with Clients(server) as clients:
            await clients.add(1)
            (pid,) = clients.per_worker()
            with no_descriptors(server.pid):
                os.kill(pid, signal.SIGKILL)
                await wait_for_log(server, "cannot start a worker for now: [Errno 24]")
                await clients.drop(pid)
            await wait_for_log(server, "is ready", 2)
            await clients.add(1)
        assert server.log().count("cannot start a worker") == 1
