"""The socket between the supervisor and a child: what is passed, what is reported."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time

import pytest

from channels_bridge.server.child.pipe import ChildEnd, channel_pair
from compat_tests.engine import DEADLINE


@pytest.fixture
def ends():
    """Both ends of a pipe, in one process."""
    supervisor, sock = channel_pair()
    child = ChildEnd(sock, sock)  # no questions are asked here
    yield supervisor, child
    supervisor.close()
    sock.close()


async def test_connections_are_passed(ends):
    """A connection that is passed is the same one, and no process that the child starts gets it."""
    supervisor, child = ends
    client, accepted = socket.socketpair()
    assert supervisor.pass_connection(accepted)
    accepted.close()
    (taken,) = child.connections()
    assert not taken.get_inheritable()
    taken.sendall(b"hello")
    assert client.recv(5) == b"hello"
    client.close()
    taken.close()


async def test_every_report_arrives(ends):
    """Reports that find the socket full are sent once there is room, without another report."""
    supervisor, child = ends
    supervisor.connections = 5000
    for _ in range(5000):
        child.lost()

    async def all_read():
        while supervisor.connections:
            supervisor.read()
            await asyncio.sleep(0)

    await asyncio.wait_for(all_read(), DEADLINE)


async def test_out_of_descriptors(ends, caplog):
    """A connection that the child has no descriptor for is counted as lost, and said to be.

    The next ones go elsewhere for a while.
    """
    supervisor, child = ends
    child.ready()
    supervisor.read()
    assert supervisor.available
    client, accepted = socket.socketpair()
    supervisor.pass_connection(accepted)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.dup(0)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, hard))
    try:
        assert list(child.connections()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    supervisor.read()
    assert supervisor.connections == 0
    assert not supervisor.available
    assert "no file descriptor is left" in caplog.text
    end = time.monotonic() + DEADLINE
    while not supervisor.available:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    client.close()
    accepted.close()


async def test_failure(ends):
    """The text of a failure arrives whole, whatever its length."""
    supervisor, child = ends
    child.ready()
    writing = asyncio.create_task(asyncio.to_thread(child.failed, "é" * 50_000))
    while not writing.done():
        supervisor.read()
        await asyncio.sleep(0)
    while supervisor.read():
        pass
    assert supervisor.ready
    assert supervisor.failure == "é" * 50_000


async def test_stopping(ends):
    """A child that stops is ready no more, and sees the end of what was passed to it."""
    supervisor, child = ends
    child.ready()
    client, accepted = socket.socketpair()
    supervisor.pass_connection(accepted)
    child.stopping()
    supervisor.read()
    assert not supervisor.ready
    passed = child.connections()
    next(passed).close()
    with pytest.raises(EOFError):
        next(passed)
    client.close()
    accepted.close()
