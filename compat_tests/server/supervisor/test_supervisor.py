"""The supervisor, as real processes: spread, restarts, and how a server ends."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections import Counter

import psutil
import pytest

from compat_tests.clients.json_client import connect
from compat_tests.servers import ServerFailed, engine, wait_for

DEADLINE = 20


@pytest.fixture
def many_files():
    """Room for a thousand sockets in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Clients:
    """Connections to one server, and which worker serves each."""

    def __init__(self, server):
        self.server = server
        self.open = []
        self.slots = asyncio.Semaphore(50)  # handshakes at a time

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await asyncio.gather(*(client.close() for client in self.open))

    async def add(self, count):
        self.open += await asyncio.gather(*(self._connect() for _ in range(count)))

    async def _connect(self):
        async with self.slots:
            return await connect(self.server.address)

    def pid(self, client):
        return int(client.response.headers["X-Pid"])

    def per_worker(self):
        return Counter(self.pid(client) for client in self.open)

    async def drop(self, pid):
        """Take out the connections of a worker that is gone. Returns how many they were."""
        gone = [client for client in self.open if self.pid(client) == pid]
        self.open = [client for client in self.open if client not in gone]
        await asyncio.wait_for(asyncio.gather(*(client.wait_closed() for client in gone)), DEADLINE)
        return len(gone)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_connections_are_even_over_workers(kind, socket_dir, many_files):
    """1,000 connections spread within 10 % of even, also after a worker was killed and replaced."""
    bind = f"unix:{socket_dir}/s.sock" if kind == "unix" else "127.0.0.1:0"
    with engine(bind, workers=4) as server:
        async with Clients(server) as clients:
            await clients.add(1000)
            assert_even(clients.per_worker(), workers=4, connections=1000)
            victim = clients.pid(clients.open[0])
            os.kill(victim, signal.SIGKILL)
            lost = await clients.drop(victim)
            await asyncio.to_thread(server.wait_for_log, "is ready", 5)
            await clients.add(lost)
            assert_even(clients.per_worker(), workers=4, connections=1000)
            assert victim not in clients.per_worker()


def assert_even(per_worker, workers, connections):
    """Connections are spread evenly, give or take a tenth."""
    share = connections / workers
    assert len(per_worker) == workers
    assert all(0.9 * share <= count <= 1.1 * share for count in per_worker.values()), per_worker


async def test_closed_connections_are_forgotten():
    """A worker that lost its connections is given the next ones."""
    with engine() as server:
        async with Clients(server) as clients:
            await clients.add(20)
            (first, _), (second, _) = clients.per_worker().most_common()
            gone = [client for client in clients.open if clients.pid(client) == first]
            clients.open = [client for client in clients.open if client not in gone]
            await asyncio.gather(*(client.close() for client in gone))
            served = psutil.Process(first).net_connections
            assert await asyncio.to_thread(wait_for, lambda: not served("tcp"), DEADLINE)
            for _ in range(10):
                await clients.add(1)
            assert clients.per_worker() == {first: 10, second: 10}


async def test_sigterm():
    """SIGTERM: clients are closed with 1001, the exit code is 0, nothing is left behind."""
    with engine() as server:
        async with Clients(server) as clients:
            await clients.add(4)
            server.signal(signal.SIGTERM)
            await asyncio.gather(*(client.wait_closed() for client in clients.open))
            assert {client.protocol.close_rcvd.code for client in clients.open} == {1001}
        assert await asyncio.to_thread(server.wait) == 0


async def test_ctrl_c():
    """Ctrl-C, which a terminal sends to each process of the group, ends the server too."""
    with engine() as server:
        async with Clients(server) as clients:
            await clients.add(4)
            os.killpg(server.pid, signal.SIGINT)
            await asyncio.gather(*(client.wait_closed() for client in clients.open))
            assert {client.protocol.close_rcvd.code for client in clients.open} == {1001}
        assert await asyncio.to_thread(server.wait) == 0
        assert "Traceback" not in server.log()


async def test_second_signal_shortens():
    """A second signal ends at once what would not end by itself for a long time."""
    with engine("127.0.0.1:0", "stubborn", 1, "shutdown_timeout=600") as server:
        async with connect(server.address):
            server.signal(signal.SIGTERM)
            refused = await asyncio.to_thread(wait_for, lambda: not _accepts(server), DEADLINE)
            assert refused
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
        assert "has not stopped and is killed" in server.log()
        assert "exception" not in server.log()


def _accepts(server):
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


async def test_deadline_of_the_shutdown():
    """What neither returns nor can be cancelled doesn't keep the server from ending."""
    options = ["shutdown_timeout=0.2", "close_timeout=0.2"]
    with engine("127.0.0.1:0", "stubborn", 1, *options) as server:
        async with connect(server.address):
            assert await asyncio.to_thread(server.stop) == 0


def test_worker_that_cannot_start():
    """An application that can't be had ends the server: its error in one line, exit code 1."""
    with pytest.raises(ServerFailed) as raised, engine(application="broken"):
        pass
    text = str(raised.value)
    assert text.startswith("exit code 1\n")
    assert "error: LookupError: no such database" in text


def test_workers_end_with_their_supervisor():
    """Workers of a supervisor that was killed end by themselves."""
    with engine() as server:
        workers = server.children()
        server.process.kill()
        server.process.wait()
        _, alive = psutil.wait_procs(workers, timeout=DEADLINE)
        assert not alive


async def test_a_dying_worker_is_restarted_again_and_again():
    """A worker that keeps dying keeps being replaced; the log names the same cause once."""
    with engine(workers=1) as server:
        for death in range(1, 4):
            async with Clients(server) as clients:
                await clients.add(1)
                os.kill(clients.pid(clients.open[0]), signal.SIGKILL)
                clients.open.clear()
            await asyncio.to_thread(server.wait_for_log, "is ready", death + 1)
        assert server.log().count("killed by SIGKILL); starting another") == 1


async def test_a_stopping_worker_gets_nothing_new():
    """A worker that is told to stop is given no more connections, however few it has left."""
    with engine("127.0.0.1:0", "lingering", 2, "shutdown_timeout=600") as server:
        async with Clients(server) as clients:
            await clients.add(2)
            first, second = clients.per_worker()
            os.kill(first, signal.SIGTERM)
            await clients.drop(first)
            await clients.add(4)
            assert clients.per_worker() == {second: 5}
        server.signal(signal.SIGTERM)
        await asyncio.to_thread(server.signal_again, signal.SIGTERM)


async def test_a_worker_that_stops_by_itself_has_a_deadline():
    """A worker that was told to stop and can't is killed, and replaced."""
    options = ["shutdown_timeout=0.2", "close_timeout=0.2"]
    with engine("127.0.0.1:0", "stubborn", 1, *options) as server:
        async with Clients(server) as clients:
            await clients.add(1)
            (pid,) = clients.per_worker()
            os.kill(pid, signal.SIGTERM)
            await clients.drop(pid)
            await asyncio.to_thread(server.wait_for_log, "is ready", 2, DEADLINE)
            assert "has not stopped and is killed" in server.log()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux' pidfd_open")
async def test_a_worker_whose_children_live_on():
    """The death of a worker is noticed though a process that it started lives on."""
    with engine("127.0.0.1:0", "parent", 1) as server:
        sleepers = [child for child in server.children() if child.name() == "sleep"]
        async with Clients(server) as clients:
            await clients.add(1)
            (pid,) = clients.per_worker()
            os.kill(pid, signal.SIGKILL)
            await clients.drop(pid)
        await asyncio.to_thread(server.wait_for_log, "is ready", 2, DEADLINE)
        sleepers += [child for child in server.children() if child.name() == "sleep"]
        assert await asyncio.to_thread(server.stop) == 0
        for sleeper in set(sleepers):
            sleeper.kill()
