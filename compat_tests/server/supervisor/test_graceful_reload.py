"""SIGHUP: new workers take the place of the old ones, and no client is refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from compat_tests.clients.raw_bytes import HANDSHAKE
from compat_tests.clients.raw_connection import RawConnection
from compat_tests.server.supervisor.test_supervisor import DEADLINE, Clients
from compat_tests.servers import Server, engine, wait_for

RELOADED = "reloaded: new workers serve"


async def wait_for_log(server: Server, text: str, count: int = 1) -> None:
    await asyncio.to_thread(server.wait_for_log, text, count, DEADLINE)


class Stream:
    """Clients that connect, say something and leave, again and again, until told to stop."""

    def __init__(self, server):
        self.server = server
        self.pids = []  # of the workers that served them, in order
        self.stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self, clients=4):
        tasks = [asyncio.create_task(self._connect()) for _ in range(clients)]
        yield
        self.stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE)

    async def _connect(self):
        while not self.stop.is_set():
            async with Clients(self.server) as clients:
                await clients.add(1)  # fails if the handshake does
                with contextlib.suppress(ConnectionClosed):
                    await clients.open[0].send("hello")
                    assert await clients.open[0].recv() == "hello"
                self.pids += clients.per_worker()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_no_handshake_fails(kind, socket_dir):
    """Under a stream of handshakes none fails while workers are replaced."""
    bind = f"unix:{socket_dir}/s.sock" if kind == "unix" else "127.0.0.1:0"
    with engine(bind) as server:
        stream = Stream(server)
        async with stream.running(), Clients(server) as clients:
            await clients.add(2)
            before = set(clients.per_worker())
            await asyncio.to_thread(wait_for, lambda: stream.pids, DEADLINE)
            os.killpg(server.pid, signal.SIGHUP)  # to all of them, as at the end of a terminal
            await wait_for_log(server, RELOADED)
        async with Clients(server) as clients:
            await clients.add(2)
            assert before.isdisjoint(clients.per_worker())
        assert await asyncio.to_thread(server.stop) == 0
        assert "error" not in server.log().lower()


async def test_old_connections_drain():
    """Connections stay with their old worker, which closes them in its own time."""
    with engine("127.0.0.1:0", "echo", 1, "drain_seconds=600") as server:
        async with Clients(server) as clients:
            await clients.add(1)
            server.signal(signal.SIGHUP)
            await wait_for_log(server, "closing 1 connections over 600 s")
            await clients.add(1)
            assert len(clients.per_worker()) == 2
            for client in clients.open:
                await client.send("still open")
                assert await asyncio.wait_for(client.recv(), DEADLINE) == "still open"
            server.signal(signal.SIGTERM)
            await wait_for_log(server, "closing 1 connections over 600 s", 2)
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)
            for client in clients.open:
                await asyncio.wait_for(client.wait_closed(), DEADLINE)
                assert client.protocol.close_rcvd.code == 1001
        assert await asyncio.to_thread(server.wait) == 0


async def test_requests_under_way():
    """A handshake and a page that the old worker had half of are answered by it."""
    with engine(workers=1) as server:
        async with (
            RawConnection(server.address) as websocket,
            RawConnection(server.address) as page,
        ):
            websocket.write(HANDSHAKE[:20])
            page.write(b"GET / HTTP/1.1\r\nHo")
            async with connect(server.ws_url + "/", proxy=None) as client:  # the others came before
                old = client.response.headers["X-Pid"]
                server.signal(signal.SIGHUP)
                await asyncio.wait_for(client.wait_closed(), DEADLINE)
                assert client.protocol.close_rcvd.code == 1001
            websocket.write(HANDSHAKE[20:])
            answer = await websocket.read_until(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101")
            assert f"x-pid: {old}\r\n".encode() in answer.lower()
            assert await websocket.read_exactly(4) == b"\x88\x13\x03\xe9"
            answer = await page.request(b"st: localhost\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok")


async def reload_replaces(server: Server, clients: Clients) -> None:
    """Reload with success: all clients' connections end with their old workers."""
    server.signal(signal.SIGHUP)
    await wait_for_log(server, RELOADED)
    for client in clients.open:
        await asyncio.wait_for(client.wait_closed(), DEADLINE)


async def test_new_workers_that_cannot_start(tmp_path: Path):
    """If a new worker can't start, the old ones go on as if nothing had been asked."""
    broken = tmp_path / "broken"
    with engine("127.0.0.1:0", "breakable", 2, env={"BROKEN": str(broken)}) as server:
        async with Clients(server) as clients:
            await clients.add(2)
            before = set(clients.per_worker())
            broken.touch()
            server.signal(signal.SIGHUP)
            await wait_for_log(server, "reload failed, the old workers go on: LookupError: no ")
            await clients.add(2)
            assert set(clients.per_worker()) == before
            broken.unlink()
            await reload_replaces(server, clients)


async def test_a_stop_of_all_processes(tmp_path: Path):
    """A signal to all that ends a new worker first is a stop, and no failure of that worker."""
    hanging = tmp_path / "hanging"
    env = {"HANGING": str(hanging)}
    with engine("127.0.0.1:0", "hanging", 1, env=env) as server:
        before = server.children()
        hanging.touch()
        server.signal(signal.SIGHUP)
        await asyncio.to_thread(wait_for, lambda: len(server.children()) > len(before), DEADLINE)
        (fresh,) = [child for child in server.children() if child not in before]
        server.signal(signal.SIGSTOP)
        fresh.terminate()
        await asyncio.to_thread(wait_for, lambda: fresh not in server.children(), DEADLINE)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        assert await asyncio.to_thread(server.wait) == 0
        assert "ended before it was ready" not in server.log()
        assert "Traceback" not in server.log()


async def test_new_workers_that_hang(tmp_path: Path):
    """A new worker that is not ready in time is shown and killed; the old ones go on."""
    hanging = tmp_path / "hanging"
    env = {"HANGING": str(hanging)}
    with engine("127.0.0.1:0", "hanging", 1, "startup_timeout=6", env=env) as server:
        async with Clients(server) as clients:
            await clients.add(1)
            before = set(clients.per_worker())
            hanging.touch()
            server.signal(signal.SIGHUP)
            await wait_for_log(server, "reload failed, the old workers go on: worker [")
            assert "is killed: not ready after the 6 s of --startup-timeout" in server.log()
            assert "in hanging" in server.log()
            await clients.add(1)
            assert set(clients.per_worker()) == before
            hanging.unlink()
            await reload_replaces(server, clients)


async def test_signals_during_a_reload():
    """Signals that come during a reload make one more, however many they are."""
    with engine(workers=1) as server:
        server.signal(signal.SIGHUP)
        await wait_for_log(server, "reloading: starting")
        for _ in range(5):
            server.signal(signal.SIGHUP)
        await wait_for_log(server, RELOADED, 2)
        assert await asyncio.to_thread(server.stop) == 0
        assert server.log().count("reloading: starting") == 2


async def test_stop_during_a_reload():
    """A server that is told to stop while new workers start leaves nothing behind."""
    with engine(workers=1) as server:
        server.signal(signal.SIGHUP)
        await wait_for_log(server, "reloading: starting")
        assert await asyncio.to_thread(server.stop) == 0
        assert RELOADED not in server.log()
