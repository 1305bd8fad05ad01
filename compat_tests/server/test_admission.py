"""Limits on what one client address may have, in one process."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from channels_bridge.server import admission
from channels_bridge.server.admission import Ledger, address_key
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.websocket.lifecycle import State
from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script, until
from compat_tests.server.websocket.small_applications import echo, status_of


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
