"""Collections of garbage that do not look again at what stays."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import weakref

import pytest
from websockets.asyncio.client import connect

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker import gc_freeze
from channels_bridge.server.worker.gc_freeze import GREAT_GROWTH, LEFT, MANY, PENDING, sparing
from compat_tests.engine import Script, until
from compat_tests.server.websocket.small_applications import echo
from compat_tests.servers import engine as supervised


class Cycle:
    def __init__(self):
        self.itself = self


class Machine:
    """What the collector knows of its process: memory and time are what the test says."""

    def __init__(self):
        self.memory = 100 * 2**20
        self.seconds = 0.0

    def after(self, seconds):
        self.seconds += seconds


@pytest.fixture
def machine(monkeypatch):
    """A machine whose memory and time are the test's to set."""
    machine = Machine()
    monkeypatch.setattr(gc_freeze, "memory", lambda: machine.memory)
    monkeypatch.setattr(gc_freeze, "monotonic", lambda: machine.seconds)
    monkeypatch.setattr(gc_freeze, "thread_time", lambda: machine.seconds)
    return machine


@pytest.fixture
async def context():
    return Context(None, ServerConfig(application=""), {}, on_lost=lambda: None)


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


@contextlib.contextmanager
def long_collections(monkeypatch):
    """What a full collection leaves is frozen at once."""
    with monkeypatch.context() as patch:
        patch.setattr(gc_freeze, "LONG", -1)
        patch.setattr(gc_freeze, "MANY", -1)
        yield


def is_looked_at(wanted):
    return any(each is wanted for each in gc.get_objects())


async def test_what_was_loaded_is_not_looked_at(context):
    """What was there before the first connection is not looked at, and what came since then is."""
    old = Cycle()
    with sparing(context):
        new = Cycle()
        gc.collect()
        assert not is_looked_at(old)
        assert is_looked_at(new)
    assert is_looked_at(old)


async def test_what_makes_collections_long_is_looked_at_once(context, monkeypatch):
    """What a long collection leaves is not looked at again."""
    with sparing(context):
        new = Cycle()
        with long_collections(monkeypatch):
            gc.collect()
        assert not is_looked_at(new)


async def test_what_is_freed_makes_no_collection_long(context, machine):
    """A collection that was long because of what it freed leaves nothing frozen."""

    class Slow(Cycle):
        def __del__(self):
            machine.after(1)

    with sparing(context):
        new = Cycle()
        Slow()
        gc.collect()
        assert machine.seconds == 1
        assert is_looked_at(new)


async def test_collections_are_due_early(context):
    """A full collection waits for few new objects, as what is new makes it long; where a project
    wants it earlier, that holds.
    """
    gc.set_threshold(700, 10, 10)
    with sparing(context):
        young, middle, full = gc.get_threshold()
        assert (young, middle) == (700, 10)
        assert young * middle * full <= MANY
    assert gc.get_threshold() == (700, 10, 10)
    gc.set_threshold(10, 5, 5)
    with sparing(context):
        assert gc.get_threshold() == (10, 5, 5)


async def test_what_stayed_is_freed_without_a_collection(context):
    """What nothing refers to any more is freed at once, however long it was there."""
    values = {1, 2, 3}
    freed = weakref.ref(kept := type("Kept", (set,), {})(values))
    with sparing(context):
        del kept
        assert freed() is None


class Server:
    """Connections whose garbage is frozen, without the connections."""

    def __init__(self, context, monkeypatch):
        self.context = context
        self.monkeypatch = monkeypatch

    def open(self, count):
        connections = [object() for _ in range(count)]
        for connection in connections:
            self.context.entered(connection)
        return connections

    def freeze(self):
        """Leave a cycle among what is frozen. Returns a reference to it."""
        cycle = Cycle()
        with long_collections(self.monkeypatch):
            gc.collect()
        return weakref.ref(cycle)

    def end(self, connections):
        for connection in connections:
            self.context.lost(connection)


@pytest.fixture
def server(context, monkeypatch):
    monkeypatch.setattr(gc_freeze, "EVERY", 0)  # checks, with each turn of the loop
    return Server(context, monkeypatch)


async def checks():
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize("stay", [0, 500])
async def test_garbage_of_frozen_connections(server, machine, stay):
    """Where connections that were frozen leave much when they end, all is looked at, and cycles are
    freed; as long as it is little, nothing is.
    """
    server.open(stay)
    with sparing(server.context):
        leave = server.open(10)
        freed = server.freeze()
        machine.memory += LEFT
        server.end(leave)
        await checks()
        assert freed() is not None
        machine.memory += 1
        await checks()
        assert freed() is None


async def test_garbage_that_was_open_at_the_last_look(server, machine):
    """What connections took that have ended should be free: where it is not, all is looked at."""
    with sparing(server.context):
        leave = server.open(10)
        server.freeze()
        machine.memory += GREAT_GROWTH + 1
        await checks()  # that looked at everything, as memory had grown so much
        freed = server.freeze()
        machine.after(gc_freeze.WAIT_IN_VAIN + 1)
        await checks()
        assert freed() is not None
        server.end(leave)
        await checks()
        assert freed() is None


async def test_memory_that_open_connections_take(server, machine):
    """As long as connections that came explain what there is more of, nothing is looked at."""
    with sparing(server.context):
        leave = server.open(10)
        freed = server.freeze()
        server.open(1000)
        machine.memory += 5 * LEFT
        server.end(leave)
        await checks()
        assert freed() is not None


async def test_connections_that_come_and_go(server, machine):
    """Where it is known what a connection takes, what has come since explains as much, however many
    have ended; what it does not explain is looked for.
    """
    with sparing(server.context):
        leave = server.open(gc_freeze.KNOWN)
        server.freeze()
        machine.memory += 6 * LEFT
        await checks()
        server.end(leave[: gc_freeze.KNOWN // 2])
        server.open(gc_freeze.KNOWN // 2)
        freed = server.freeze()
        await checks()
        assert freed() is not None
        machine.memory += LEFT + 1
        await checks()
        assert freed() is None


async def test_others_leave_nothing_frozen(server, machine):
    """What connections leave that came after the freeze needs no look at everything."""
    with sparing(server.context):
        freed = server.freeze()
        server.end(server.open(1000))
        machine.memory += GREAT_GROWTH
        await checks()
        assert freed() is not None


async def test_looks_in_vain(server, machine):
    """Where everything was looked at in vain, that is not repeated soon, but within minutes."""
    with sparing(server.context):
        leave = server.open(3)
        server.freeze()
        machine.memory += 2 * LEFT
        server.end(leave)
        freed = server.freeze()
        await checks()
        assert freed() is None
        for _ in range(3):
            leave = server.open(3)
            freed = server.freeze()
            machine.memory += 2 * LEFT
            server.end(leave)
            machine.after(gc_freeze.WAIT_IN_VAIN + 1)
            await checks()
            assert freed() is None


async def test_garbage_of_a_quiet_server(server, machine):
    """What ended connections leave is collected when it is much, or soon, however few objects
    it is; without an end there is no collection.
    """
    with sparing(server.context):
        for memory, seconds in [(PENDING + 1, 0), (0, gc_freeze.LATEST + 1)]:
            freed = weakref.ref(Cycle())
            machine.memory += memory
            machine.after(seconds)
            await checks()
            assert freed() is not None
            server.end(server.open(1))
            await checks()
            assert freed() is None


async def test_a_collector_that_is_off(server, machine):
    """Where a project has disabled the collector meanwhile, nothing is collected."""
    with sparing(server.context):
        freed = weakref.ref(Cycle())
        gc.disable()
        server.end(server.open(1))
        machine.memory += 2 * PENDING
        await checks()
        assert freed() is not None


def test_memory():
    """It is what the system says of the process."""
    before = gc_freeze.memory()
    held = bytearray(b"1") * 2**26
    assert gc_freeze.memory() - before > 2**25
    del held


def test_memory_that_is_not_told(monkeypatch):
    """Where no descriptor is left for /proc it is the most that the process had, in bytes, too."""
    told = gc_freeze.memory()

    def refuse():
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(gc_freeze, "resident_memory", refuse)
    assert gc_freeze.memory() > told / 2


async def test_a_project_that_collects_itself(context):
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


class Hoard:
    """What a consumer holds; it is in a cycle from ``close_cycle()`` on."""

    def close_cycle(self, shape, scope):
        """Refer to itself by way of the scope, an attribute, a traceback, or many objects."""
        if shape == "scope":
            scope["hoard"], self.scope = self, scope
        elif shape == "consumer":
            self.itself = self
        elif shape == "traceback":
            try:
                raise LookupError
            except LookupError as error:
                self.error = error  # whose frame holds this function's variables
        else:
            self.items = [{"hoard": self} for _ in range(1000)]


@pytest.mark.parametrize("shape", ["scope", "consumer", "traceback", "many"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_cycles_that_connections_leave(serve, monkeypatch, machine, shape, when):
    """Garbage comes back whatever its shape, and whether its cycle was closed before the freeze or
    after it.
    """
    monkeypatch.setattr(gc_freeze, "EVERY", 0.01)
    hoards = weakref.WeakSet()
    frozen = asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        hoard = Hoard()
        hoards.add(hoard)
        if when == "after":
            await send({"type": "websocket.send", "text": ""})
            await frozen.wait()
        hoard.close_cycle(shape, scope)
        await send({"type": "websocket.send", "text": ""})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    engine = await serve(app)
    gc.enable()
    with sparing(engine.context):
        clients = [await engine.connect() for _ in range(3)]
        for client in clients:
            await client.recv()
        with long_collections(monkeypatch):
            gc.collect()
        frozen.set()
        machine.memory += 2 * LEFT
        for client in clients:
            if when == "after":
                await client.recv()
            await client.close()
        await until(lambda: not hoards)


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
    """All connection objects of an engine that Python still has."""
    return [
        each
        for each in gc.get_objects()
        if type(each) is WebSocketConnection and each.context is engine.context
    ]
