"""Limits on what one client address may have, in one process and over several workers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Opcode

from channels_bridge.server import admission
from channels_bridge.server.admission import Ledger, address_key
from channels_bridge.server.child.admission_link import Asking, with_ledger
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.websocket.lifecycle import State
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script, until
from compat_tests.server.supervisor.test_supervisor import Clients
from compat_tests.server.websocket.small_applications import echo, status_of
from compat_tests.servers import engine as supervised


async def test_connections_of_one_address(serve, caplog):
    """One WebSocket more than an address may have is answered 429; there is room when one left."""
    app = Script(echo)
    engine = await serve(app, max_connections_per_address=2)
    async with engine.connect():
        async with engine.connect():
            response = await status_of(engine)
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "10"
        await until(lambda: engine.lost == 2)
        async with engine.connect() as websocket:
            await websocket.send("a")
            assert await websocket.recv() == "a"
    assert engine.context.counters.handshakes == {101: 3, 429: 1}
    assert "is refused: its address has too many, or opens them too fast" in caplog.text


async def test_hasty_messages_wait_for_their_place(serve):
    """What a client sends right behind its handshake is not lost on the way."""
    engine = await serve(Script(echo))
    engine.context.admission = later = Later()
    client = await engine.open(HANDSHAKE + frame(Opcode.TEXT, b"hasty"))
    await asyncio.wait_for(later.asked.wait(), DEADLINE)
    later.decided(True)
    await client.read_until(b"\x81\x05hasty")
    await client.close()
    await asyncio.wait_for(engine.context.all_lost(), DEADLINE)
    assert later.released == ["127.0.0.1"]


@pytest.mark.parametrize(("trusted", "statuses"), [(["127.0.0.1"], [101, 101]), ([], [101, 429])])
async def test_addresses_behind_a_proxy(serve, trusted, statuses):
    """Behind a proxy that is trusted, its clients count by their own addresses."""
    proxy = Proxy(trusted=tuple(trusted))
    engine = await serve(Script(echo), max_connections_per_address=1, proxy=proxy)
    async with contextlib.AsyncExitStack() as stack:
        for address in ("192.0.2.1", "192.0.2.2"):
            connecting = engine.connect(additional_headers={"X-Forwarded-For": address})
            with contextlib.suppress(InvalidStatus):
                await stack.enter_async_context(connecting)
    assert list(engine.context.counters.handshakes) == list(dict.fromkeys(statuses))


async def test_rate_of_one_address(serve):
    """WebSockets that come faster than an address may open them are answered 429."""
    engine = await serve(Script(echo), max_connection_rate=1e-6, connection_burst=2)
    for _ in range(2):
        async with engine.connect():
            pass
    assert (await status_of(engine)).status_code == 429


class Later:
    """Answers when the test says so."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.released = []

    def claim(self, address, decided):
        self.decided = decided
        self.asked.set()

    def release(self, address):
        self.released.append(address)


@pytest.mark.parametrize(("granted", "released"), [(True, ["127.0.0.1"]), (False, [])])
@pytest.mark.parametrize("leave", ["abort", "write_eof"])
async def test_clients_that_do_not_wait(serve, leave, granted, released):
    """A client that leaves before there is an answer keeps no place, and reaches nobody."""
    app = Script(echo)
    engine = await serve(app)
    engine.context.admission = later = Later()
    client = await engine.open(HANDSHAKE)
    await asyncio.wait_for(later.asked.wait(), DEADLINE)
    (connection,) = engine.context.connections
    getattr(client, leave)()
    await until(lambda: connection.state in (State.CLOSING, State.CLOSED))
    later.decided(granted)
    assert later.released == released
    assert app.scope is None


# Several workers


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


# The ledger


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("un\nknown", "unknown"),
        ("x" * 5000, "x" * 64),
    ],
)
def test_addresses(host, key):
    """An IPv6 network counts as one address, as a customer has as many as he likes in it."""
    assert address_key(host) == key


def test_what_the_ledger_remembers(monkeypatch):
    """Only what is held, and the rates of the addresses seen last."""
    monkeypatch.setattr(admission, "MAX_ADDRESSES", 2)
    times = [0.0]
    config = ServerConfig(
        application="", max_connections_per_address=5, max_connection_rate=1, connection_burst=1
    )
    ledger = Ledger(config, lambda: times[0])
    assert [ledger.grant("a"), ledger.grant("a"), ledger.grant("b")] == [True, False, True]
    times[0] = 1.0
    assert ledger.grant("a")
    assert ledger.grant("c")
    assert len(ledger._buckets) == 2
    for address in ("a", "b", "a", "c"):
        ledger.release(address)
    assert not ledger._held
