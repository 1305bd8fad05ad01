"""Graceful shutdown: how connections end when their server is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from websockets.asyncio.client import connect

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from compat_tests.clients.raw_connection import RawConnection
from compat_tests.engine import Script
from compat_tests.server.supervisor.test_supervisor import DEADLINE, Clients
from compat_tests.servers import engine

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"


async def test_closes_are_spread():
    """With --drain-seconds connections are closed one by one, and a second SIGTERM ends that."""
    with engine("127.0.0.1:0", "echo", 2, "drain_seconds=100") as server:
        async with Clients(server) as clients:
            await clients.add(200)
            closing = [asyncio.create_task(client.wait_closed()) for client in clients.open]
            server.signal(signal.SIGTERM)
            await asyncio.wait(closing, timeout=DEADLINE, return_when="FIRST_COMPLETED")
            closed = [task.done() for task in closing]
            assert any(closed)
            other = clients.open[closed.index(False)]
            await other.send("still open")
            assert await asyncio.wait_for(other.recv(), DEADLINE) == "still open"
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(*closing), DEADLINE)
            assert {client.protocol.close_rcvd.code for client in clients.open} == {1001}
        assert await asyncio.to_thread(server.wait) == 0
        assert "SIGTERM: stopping" in server.log()
        assert server.log().count("closing 100 connections over 100 s") == 2
        assert "SIGTERM again: closing all connections now" in server.log()


@pytest.mark.parametrize("echoes", [(), (signal.SIGTERM, signal.SIGINT)])
async def test_echoes(echoes):
    """Closes are spread also where SIGTERM goes to each process, as systemd's default sends it, and
    where whoever has sent it there tells the server, too, as programs around it do.
    """
    with engine("127.0.0.1:0", "echo", 1, "drain_seconds=600") as server:
        async with connect(server.ws_url + "/", proxy=None) as client:
            os.killpg(server.pid, signal.SIGTERM)
            for number in echoes:
                server.signal(number)
            await asyncio.to_thread(server.wait_for_log, ": stopping")
            await asyncio.to_thread(server.wait_for_log, "closing 1 connections")
            await client.send("still open")
            assert await asyncio.wait_for(client.recv(), DEADLINE) == "still open"
            assert " again: " not in server.log()
            await asyncio.to_thread(server.signal_again, signal.SIGTERM)
            await asyncio.wait_for(client.wait_closed(), DEADLINE)
        assert await asyncio.to_thread(server.wait) == 0


async def test_third_signal():
    """Where connections are closed one by one, the third signal kills what does not end."""
    with engine("127.0.0.1:0", "stubborn", 1, "drain_seconds=600") as server:
        async with connect(server.ws_url + "/", proxy=None) as client:
            server.signal(signal.SIGTERM)
            await asyncio.to_thread(server.wait_for_log, "closing 1 connections")
            await asyncio.to_thread(server.signal_again, signal.SIGINT)
            await asyncio.wait_for(client.wait_closed(), DEADLINE)
            await asyncio.to_thread(server.signal_again, signal.SIGINT)
            assert await asyncio.to_thread(server.wait) == 0
        assert "SIGINT again: killing what has not stopped yet" in server.log()
        assert "has not stopped and is killed" in server.log()


async def test_http():
    """A server that drains closes idle HTTP connections at once, and answers what it works at."""
    with engine("127.0.0.1:0", "echo", 1, "drain_seconds=600") as server:
        async with RawConnection(server.address) as idle, RawConnection(server.address) as busy:
            idle.write(GET)
            assert (await idle.read_until(b"ok")).startswith(b"HTTP/1.1 200")
            busy.write(POST + b"1")
            async with connect(server.ws_url + "/", proxy=None) as client:
                server.signal(signal.SIGTERM)
                assert await idle.read() == b""
                answer = await busy.request(b"2")
                assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok")
                await client.send("still open")
                assert await asyncio.wait_for(client.recv(), DEADLINE) == "still open"
                await asyncio.to_thread(server.signal_again, signal.SIGTERM)


async def test_code_and_reason(serve):
    """--drain-code is what clients and applications are told, with a reason."""

    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    script = Script(application)
    server = await serve(script, drain_code=4001)
    async with server.connect() as client:
        await server.stop()
        await client.wait_closed()
        assert client.protocol.close_rcvd.code == 4001
        assert client.protocol.close_rcvd.reason == "server going away"
    assert script.events[-1]["code"] == 4001


@pytest.mark.parametrize("code", [0, 1005, 1006, 2000, 5000])
def test_codes_that_may_not_be_sent(code):
    """A code that no close frame may have is refused at the start."""
    with pytest.raises(StartupError, match="drain_code"):
        ServerConfig(application="", drain_code=code)
