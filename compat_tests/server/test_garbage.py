"""Collections of garbage that do not look again at what stays."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import connect

from channels_bridge.server import garbage
from channels_bridge.server.connection import WebSocketConnection
from channels_bridge.server.garbage import LEAST_ENDED, sparing

from ..engine import Script, until
from .test_connection import echo
from .test_supervisor import engine as supervised


class Cycle:
    def __init__(self):
        self.itself = self


@pytest.fixture
def context():
    return SimpleNamespace(connections=set(), ended=0)


@pytest.fixture(autouse=True)
def collector():
    """Collections are made where a test makes one."""
    enabled, thresholds = gc.isenabled(), gc.get_threshold()
    gc.set_threshold(10**9, 10**9, 10**9)
    yield
    gc.set_threshold(*thresholds)
    if enabled:
        gc.enable()
    assert not gc.get_freeze_count()


def is_looked_at(wanted):
    return any(each is wanted for each in gc.get_objects())


def test_what_stays_is_looked_at_once(context):
    """A full collection leaves out what survived the one before; what is new it looks at."""
    old = Cycle()
    with sparing(context):
        new = Cycle()
        assert not is_looked_at(old)
        assert is_looked_at(new)
        gc.collect()
        assert not is_looked_at(new)
    assert is_looked_at(old)


def test_what_stayed_is_freed_without_a_collection(context):
    """What nothing refers to any more is freed at once, however long it was there."""
    values = {1, 2, 3}
    freed = weakref.ref(kept := type("Kept", (set,), {})(values))
    with sparing(context):
        del kept
        assert freed() is None


@pytest.mark.parametrize("open_now", [0, 2 * LEAST_ENDED])
def test_garbage_of_ended_connections(context, monkeypatch, open_now):
    """When as many connections have ended as are open, and objects are many more, all are looked at
    again, and cycles among them are freed."""
    monkeypatch.setattr(garbage, "GROWTH", 0)
    context.connections = set(range(open_now))
    cycle = Cycle()
    freed = weakref.ref(cycle)
    with sparing(context):
        del cycle
        context.ended = max(LEAST_ENDED, open_now) - 1
        gc.collect()
        gc.collect()
        assert freed() is not None
        context.ended += 1
        gc.collect()
        gc.collect()
        assert freed() is None
        assert gc.get_freeze_count()


def test_great_growth(context, monkeypatch):
    """When objects are several times as many, all are looked at, though no connection has ended."""
    monkeypatch.setattr(garbage, "GREAT_GROWTH", 0)
    cycle = Cycle()
    freed = weakref.ref(cycle)
    with sparing(context):
        del cycle
        gc.collect()
        gc.collect()
        assert freed() is None


def test_no_growth(context):
    """While there is not much more than there was, nothing is looked at again."""
    old = Cycle()
    with sparing(context):
        context.ended = LEAST_ENDED
        gc.collect()
        assert not is_looked_at(old)


def test_a_project_that_collects_itself(context):
    """Where a project has disabled the collector, none runs until the project asks for it."""
    gc.disable()
    old = Cycle()
    with sparing(context):
        assert is_looked_at(old)
        assert not gc.isenabled()


async def test_workers_start_that_way():
    """What a worker has imported before it serves is not looked at again."""
    with supervised(application="frozen", workers=1) as server:
        async with connect(server.ws_url + "/", proxy=None) as websocket:
            assert int(await websocket.recv()) > 10_000


async def test_connections_are_counted_when_they_end(serve):
    """A connection counts as ended once, when its transport is gone."""

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        await receive()

    engine = await serve(app)
    async with engine.connect():
        assert engine.context.ended == 0
    await engine.context.all_lost()
    assert engine.context.ended == 1


@pytest.mark.parametrize("how", ["close frame", "end of the stream"])
async def test_an_ended_connection_needs_no_collection(serve, how):
    """Nothing of a connection that has ended refers to it in a cycle."""
    app = Script(echo)
    engine = await serve(app)
    gc.disable()
    async with engine.connect() as websocket:
        await websocket.send("a")
        assert await websocket.recv() == "a"
        assert connections_of(engine)
        if how == "end of the stream":
            websocket.transport.abort()
    await app.finished()
    app.scope = None
    await until(lambda: not connections_of(engine))


def connections_of(engine):
    return [
        each
        for each in gc.get_objects()
        if type(each) is WebSocketConnection and each.context is engine.context
    ]
