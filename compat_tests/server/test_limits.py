"""Limits on what clients may take: connections, messages, time."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.token_bucket import TokenBucket
from channels_bridge.server.websocket import client_limits
from channels_bridge.server.websocket.client_limits import Pace
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script, until
from compat_tests.server.http.test_first_request import GET, page
from compat_tests.server.supervisor.test_supervisor import Clients
from compat_tests.server.websocket.small_applications import close_of, echo, status_of
from compat_tests.servers import engine as supervised

# Connections in all


async def test_connections_beyond_the_limit_are_refused(serve, caplog):
    """One connection more than allowed is answered 503 at once; there is room when one has left."""
    engine = await serve(page, max_connections=2)
    async with engine.connect() as first:
        async with engine.connect():
            response = await status_of(engine)
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "10"
            assert (await engine.request(b"")).startswith(b"HTTP/1.1 503 ")  # unasked
            await first.send("still here")
            assert await first.recv() == "still here"
            lost = engine.lost
        await until(lambda: engine.lost > lost)
        assert (await engine.request(GET)).startswith(b"HTTP/1.1 200 ")
    assert engine.context.counters.refused == {503: 2}
    assert caplog.text.count("] is refused: 2 are open, the limit") == 1


async def test_a_flood_beyond_the_limit(serve):
    """Refusals have a limit, too: clients beyond it are not answered, and cost nothing."""
    engine = await serve(page, max_connections=2)
    async with engine.connect(), engine.connect():
        crowd = [await engine.open() for _ in range(10)]
        answers = [await _read(client) for client in crowd]
        assert len(engine.context.connections) <= 2 + 3
        assert 0 < sum(answer.startswith(b"HTTP/1.1 503 ") for answer in answers) <= 3


async def test_the_limit_holds_over_all_workers():
    """With several workers, each takes its share, and all of the limit can be used."""
    with supervised("127.0.0.1:0", "echo", 2, "max_connections=4") as server:
        async with Clients(server) as clients:
            await clients.add(4)
            assert set(clients.per_worker().values()) == {2}
            with pytest.raises(InvalidStatus) as refused:
                await clients.add(1)
            assert refused.value.response.status_code == 503
            await clients.open.pop().close()
            assert await asyncio.wait_for(_admitted(clients), DEADLINE)


async def _admitted(clients):
    """Try until there is room: the supervisor hears of a connection's end a little later."""
    while True:
        with contextlib.suppress(InvalidStatus):
            await clients.add(1)
            return True


async def _read(client):
    try:
        return await client.read()
    except ConnectionError:
        return b""


# Messages


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.PING])
async def test_message_rate(serve, caplog, opcode):
    """A client that sends more messages or pings than allowed is closed with 1008."""
    app = Script(echo)
    engine = await serve(app, max_message_rate=1e-6, message_burst=3)
    response = await engine.request(HANDSHAKE + frame(opcode, b"x") * 5)
    assert b"\x03\xf0more than 1e-06 messages a second" in response
    assert (await app.finished())[-1]["code"] == 1008
    counters = engine.context.counters
    assert counters.cut_off == {"message_rate": 1}
    assert counters.received == (3 if opcode is Opcode.TEXT else 0)
    assert "is cut off: more than 1e-06 messages a second" in caplog.text


async def test_messages_within_the_rate(serve):
    """A client that keeps to the rate does not notice it."""
    engine = await serve(Script(echo), max_message_rate=1e6)
    async with engine.connect() as websocket:
        for _ in range(300):
            await websocket.send("x")
            await websocket.recv()


def test_token_bucket():
    """So many at once, then so many a second; quiet times count up to the burst only."""
    bucket = TokenBucket(2, 3, now=100)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(101) for _ in range(3)] == [True, True, False]
    assert [bucket.take(200) for _ in range(4)] == [True, True, True, False]


# Time


async def test_idle_clients_are_closed(serve, caplog):
    """A client without a message for so long is closed with 1001, though it answers pings."""
    app = Script(echo)
    engine = await serve(app, idle_timeout=0.3, ping_interval=0.05)
    async with engine.connect() as websocket:
        close = await close_of(websocket)
    assert (close.code, close.reason) == (1001, "no message for 0.3 s")
    assert (await app.finished())[-1]["code"] == 1001
    assert engine.context.counters.cut_off == {"idle": 1}


class Loop:
    """A loop whose time the test sets."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, when, callback):
        self.timers.append((when, callback))
        return self

    def cancel(self):
        self.timers.clear()

    def run_until(self, now):
        """Let time pass, and call what is due by then."""
        self.now = now
        due = [timer for timer in self.timers if timer[0] <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for _, callback in due:
            callback()


def test_messages_put_off_the_idle_timeout(monkeypatch):
    """The time counts from the last message; pings are none."""
    loop, idle = Loop(), []
    monkeypatch.setattr(client_limits.asyncio, "get_running_loop", lambda: loop)
    watch = Pace(ServerConfig(application="", idle_timeout=10), lambda: idle.append(loop.now))
    loop.run_until(8)
    watch.note_message()
    loop.run_until(10)
    watch.note_ping()
    loop.run_until(17)
    assert not idle
    loop.run_until(18)
    assert idle == [18]
    loop.run_until(28)
    assert idle == [18, 28]
    watch.stop()
    assert not loop.timers
