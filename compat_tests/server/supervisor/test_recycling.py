"""Worker recycling: workers that have served enough are replaced, and nobody is dropped for it."""

from __future__ import annotations

import asyncio
import random
import signal
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import connect

from channels_bridge.server.child.pipe import SupervisorEnd
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.counters import Counters
from channels_bridge.server.errors import StartupError
from channels_bridge.server.supervisor import recycling
from channels_bridge.server.worker import wear
from compat_tests.server.supervisor.test_graceful_reload import Stream, wait_for_log
from compat_tests.server.supervisor.test_supervisor import DEADLINE, Clients
from compat_tests.servers import engine, wait_for

REPLACED = "is replaced: it has answered"


async def test_under_a_stream_of_handshakes():
    """Workers come and go, one beside the others at most, while each handshake succeeds."""
    with engine("127.0.0.1:0", "echo", 2, "max_requests=20", "max_requests_jitter=20") as server:
        stream = Stream(server)
        most = 0

        def watch() -> bool:
            nonlocal most
            most = max(most, len(server.children()))
            return server.log().count(REPLACED) >= 4

        async with stream.running():
            assert await asyncio.to_thread(wait_for, watch, 4 * DEADLINE)
        assert len(set(stream.pids)) >= 4
        assert most == 3
        assert await asyncio.to_thread(server.stop) == 0
        assert "error" not in server.log().lower() and "killed" not in server.log()


async def test_who_stays_connected():
    """A client that stays is closed as in a reload, after another worker has come."""
    options = ("max_requests=3", "drain_seconds=600", "drain_code=1012")
    with engine("127.0.0.1:0", "echo", 1, *options) as server:
        async with Clients(server) as clients:
            await clients.add(3)
            await wait_for_log(server, f"{REPLACED} 3 requests or more (--max-requests)")
            await wait_for_log(server, "closing 3 connections over 600 s")
            for client in clients.open:
                await client.send("still open")
                assert await asyncio.wait_for(client.recv(), DEADLINE) == "still open"
            await clients.add(1)
            assert len(clients.per_worker()) == 2
            server.signal(signal.SIGTERM)
            await wait_for_log(server, "closing 1 connections over 600 s")
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)
            for client in clients.open:
                await asyncio.wait_for(client.wait_closed(), DEADLINE)
                assert client.protocol.close_rcvd.code == 1012
        assert await asyncio.to_thread(server.wait) == 0


async def test_one_at_a_time():
    """As long as one that was replaced has not ended, no other is replaced."""
    options = ("max_requests=1", "drain_seconds=600")
    with engine("127.0.0.1:0", "echo", 2, *options) as server:
        async with Clients(server) as clients:
            await clients.add(2)  # one for each worker: both are worn
            await wait_for_log(server, "closing 1 connections over 600 s")
            first = next(p for p in clients.per_worker() if f"[{p}] is replaced" in server.log())
            staying = [client for client in clients.open if clients.pid(client) != first]
            assert server.log().count(REPLACED) == 1
            assert len(server.children()) == 3
            # Its client leaves: it has ended, and the other one's turn comes.
            assert await asyncio.wait_for(_leave(clients, first), DEADLINE) == 1
            await wait_for_log(server, REPLACED, 2)
            assert f"[{clients.pid(staying[0])}] is replaced" in server.log()
            server.signal(signal.SIGTERM)
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)


async def _leave(clients: Clients, pid: int) -> int:
    for client in clients.open:
        if clients.pid(client) == pid:
            await client.close()
    return await clients.drop(pid)


async def test_memory():
    """A worker that takes too much memory is replaced; the others stay."""
    with engine("127.0.0.1:0", "growing", 2, "workers_max_rss=300") as server:
        async with Clients(server) as clients:
            await clients.add(2)
            large, small = clients.open
            await small.send("1")
            await large.send("400")
            await asyncio.wait_for(large.wait_closed(), DEADLINE)
            assert large.protocol.close_rcvd.code == 1001
            reason = "is replaced: it takes more than 300 MiB (--workers-max-rss)"
            await wait_for_log(server, f"[{clients.pid(large)}] {reason}, ")
            await small.send("1")
            assert [await small.recv(), await small.recv()] == ["1", "1"]
            assert server.log().count(reason) == 1


@pytest.mark.parametrize(("age", "level"), [(10, "WARNING"), (3600, "INFO")])
def test_a_limit_that_is_too_low(monkeypatch, caplog, age, level):
    """A worker that is worn soon is a warning, as clients lose their connections each time."""
    child = SimpleNamespace(started=100.0)
    monkeypatch.setattr(recycling.time, "monotonic", lambda: 100.0 + age)
    with caplog.at_level("INFO"):
        recycling.log_replacement(child, "requests", ServerConfig(application="", max_requests=5))
    (record,) = caplog.records
    assert record.levelname == level
    assert ("10 s after its start: raise the limit" in record.message) == (level == "WARNING")


async def test_a_limit_that_nobody_keeps():
    """A limit that a fresh worker exceeds would replace workers for ever: it is an error."""
    with pytest.raises(Exception, match="allow twice that") as error:
        with engine("127.0.0.1:0", "echo", 1, "workers_max_rss=1"):
            raise AssertionError("it has started")
    assert "error: --workers-max-rss is 1 MiB, but a worker takes" in str(error.value)


async def test_a_worker_that_cannot_start(tmp_path):
    """Where no other can start, the worn one goes on; a reload that works ends the matter."""
    broken = tmp_path / "broken"
    with engine(
        "127.0.0.1:0", "breakable", 1, "max_requests=2", env={"BROKEN": str(broken)}
    ) as server:
        async with Clients(server) as clients:
            await clients.add(1)
            broken.touch()
            await clients.add(1)
            await wait_for_log(server, "goes on, as no other could start: LookupError: no such")
            await clients.add(1)
            assert len(clients.per_worker()) == 1
            assert server.log().count(REPLACED) == 1
            broken.unlink()
            server.signal(1)
            for client in clients.open:
                await asyncio.wait_for(client.wait_closed(), DEADLINE)
        async with connect(server.ws_url + "/", proxy=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"


class Channel:
    """What a worker tells the supervisor."""

    def __init__(self) -> None:
        self.told = asyncio.Queue()

    def worn(self, why: str) -> None:
        self.told.put_nowait(why)


@pytest.mark.parametrize("drawn", [0, 7])
async def test_jitter(monkeypatch, drawn):
    """Each worker draws for itself how many requests more than the limit it answers."""
    monkeypatch.setattr(wear, "INTERVAL", 0)
    monkeypatch.setattr(random, "randint", lambda low, high: {(0, 10): drawn}[low, high])
    config = ServerConfig(application="", max_requests=5, max_requests_jitter=10)
    counters, channel = Counters(), Channel()
    counters.pages = 3
    counters.handshakes[101] = 1 + drawn
    async with wear.watching_wear(config, counters, channel):
        for _ in range(5):
            await asyncio.sleep(0)
        assert channel.told.empty()
        counters.handshakes[403] += 1
        assert await asyncio.wait_for(channel.told.get(), DEADLINE) == "requests"


async def test_without_limits():
    """Without limits nothing is watched."""
    before = asyncio.all_tasks()
    async with wear.watching_wear(ServerConfig(application=""), Counters(), Channel()):
        assert asyncio.all_tasks() == before


def test_where_memory_is_not_told(monkeypatch):
    """A system that doesn't tell the memory of processes can't limit it: an error at the start."""

    def refuse() -> int:
        raise FileNotFoundError

    monkeypatch.setattr(wear, "resident_memory", refuse)
    with pytest.raises(StartupError, match="--workers-max-rss needs /proc"):
        wear.require_room(ServerConfig(application="", workers_max_rss=100))


def test_reports():
    """The supervisor remembers the first reason, whatever comes with it."""
    end = object.__new__(SupervisorEnd)
    end.ready = end.stopping = False
    end.wear, end.connections, end._rests_until = "", 3, 0.0
    end._take(b"rh-nh")
    assert (end.wear, end.connections, end.ready) == ("requests", 2, True)
    end._take(b"hhm")
    assert end.wear == "memory"
    end._take(b"h")
    assert end.wear == "memory"
