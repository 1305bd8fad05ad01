"""The contract of every transport that knows who is present, in a process and over a hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.following.local_presence import (
    LocalPresenceExchange,
    LocalPresenceTransport,
)
from channels_bridge.groups.following.threadsafe_presence_transport import (
    CrossingPresenceTransport,
)
from channels_bridge.groups.grpc.process.grpc_presence_transport import GrpcPresenceTransport
from channels_bridge.groups.presence.presence_transport import RollWatcher
from channels_bridge.groups.presence.roll import RollChange, Terms
from channels_bridge.groups.presence.roll_replica import RollReplica
from compat_tests.groups.following_processes import Recorder
from compat_tests.groups.hubs import DEADLINE, HubProcess, soon, until

TOPIC = "g:room"
TERMS = Terms(linger=0.3, limit=3)


class Process(RollWatcher):
    """A process with a transport of its own."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.replica = RollReplica()
        self.told: set[str] = set()
        self.count = 0
        transport.start(lambda topic, payload: True)
        transport.start_following(Recorder())
        transport.start_watching(self)

    def on_roll(self, topic: str, roll: RollChange) -> None:
        assert topic == TOPIC
        self.replica.apply(roll, 0)
        assert not self.replica.missed
        self.told, self.count = set(self.replica.here(0)), self.replica.count

    def last_roll(self, topic: str) -> Mapping[str, bytes]:
        return self.replica.infos()

    def enter(self, *keys: str, info: bytes = b"") -> None:
        for key in keys:
            self.transport.present(TOPIC, key, info, TERMS)

    def leave(self, *keys: str) -> None:
        for key in keys:
            self.transport.absent(TOPIC, key)

    async def keys(self) -> set[str]:
        return set(await soon(self.transport.roll(TOPIC)))


Connect = Callable[[], Process]


@pytest.fixture(params=["local", "grpc", "crossing"])
async def connect(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Connect]:
    """Makes processes that reach each other."""
    processes: list[Process] = []
    exchange = LocalPresenceExchange(2**20)

    def make() -> Any:
        if request.param == "local":
            return LocalPresenceTransport(exchange)
        hub = request.getfixturevalue("shared_hub")
        transport = GrpcPresenceTransport(hub.address, timeout=DEADLINE, prefix=prefix)
        return (
            transport
            if request.param == "grpc"
            else CrossingPresenceTransport(lambda: transport, expiry=60)
        )

    def connect() -> Process:
        processes.append(Process(make()))
        return processes[-1]

    yield connect
    await asyncio.gather(*(process.transport.aclose() for process in processes))


async def asks(process: Process, keys: set[str]) -> None:
    """Ask until exactly these are there."""
    while await process.keys() != keys:  # noqa: ASYNC110  # nobody tells who doesn't watch
        await asyncio.sleep(0.01)


async def test_asking(connect: Connect) -> None:
    """All processes' keys count, those of several once."""
    first, second = connect(), connect()
    assert await second.keys() == set()
    first.enter("ann", "bob", info=b"1")
    second.enter("ann")
    await soon(asks(first, {"ann", "bob"}))
    await soon(asks(second, {"ann", "bob"}))
    assert await soon(first.transport.roll_count(TOPIC)) == 2
    roll = await soon(second.transport.roll(TOPIC))
    assert set(roll) == {"ann", "bob"}
    assert (roll["bob"].info, roll["bob"].connections, roll["ann"].connections) == (b"1", 1, 2)
    first.leave("ann")
    second.leave("ann")
    first.leave("nobody")
    await soon(asks(second, {"bob"}))


async def test_watching(connect: Connect) -> None:
    """Begins with who is there, and goes on with who comes and goes, from any process."""
    first, second = connect(), connect()
    first.enter("ann")
    second.transport.watch_roll(TOPIC, TERMS)
    first.transport.watch_roll(TOPIC, TERMS)
    await until(lambda: first.told == second.told == {"ann"})
    second.enter("bob")
    first.enter("ann", info=b'"Ann"')
    await until(lambda: first.told == second.told == {"ann", "bob"})
    await until(lambda: second.replica.here(0)["ann"].info == "Ann")
    first.leave("ann")
    await until(lambda: first.told == second.told == {"bob"})


async def test_a_crowd(connect: Connect) -> None:
    """Over the limit those who watch are told the number, and those who ask all."""
    first, second = connect(), connect()
    second.transport.watch_roll(TOPIC, TERMS)
    first.enter("a", "b", "c", "d", "e")
    await until(lambda: second.count == 5)
    assert second.told == set()
    assert await second.keys() == {"a", "b", "c", "d", "e"}
    first.leave("a", "b")
    await until(lambda: second.told == {"c", "d", "e"})


async def test_watching_no_longer(connect: Connect) -> None:
    """Nothing more comes; watching again begins anew."""
    first, second = connect(), connect()
    second.transport.watch_roll(TOPIC, TERMS)
    first.enter("ann")
    await until(lambda: second.told == {"ann"})
    second.transport.unwatch_roll(TOPIC)
    await second.keys()  # what was on its way has come
    first.enter("bob")
    third = connect()
    third.transport.watch_roll(TOPIC, TERMS)
    await until(lambda: third.told == {"ann", "bob"})
    assert second.told == {"ann"}
    second.transport.watch_roll(TOPIC, TERMS)
    await until(lambda: second.told == {"ann", "bob"})


async def test_a_process_that_ends(connect: Connect) -> None:
    """Takes its users along, after the linger."""
    first, second = connect(), connect()
    second.transport.watch_roll(TOPIC, TERMS)
    first.enter("ann")
    await until(lambda: second.told == {"ann"})
    await first.transport.aclose()
    await until(lambda: second.told == set() and second.count == 0)


async def test_no_hub(address: str) -> None:
    """A process that may be alone knows that nobody is there; a worker says that it can't ask."""
    alone = Process(GrpcPresenceTransport(address, timeout=DEADLINE, require_hub=False))
    assert await alone.keys() == set()
    worker = Process(GrpcPresenceTransport(address, timeout=0.3))
    with pytest.raises(TransportUnavailable, match="start it with"):
        await worker.transport.roll(TOPIC)
    await alone.transport.aclose()
    await worker.transport.aclose()


async def test_a_hub_that_is_replaced(hub: HubProcess) -> None:
    """Who asks while it is away waits for the next one; nobody flaps."""
    first, second = (Process(GrpcPresenceTransport(hub.address, timeout=30)) for _ in range(2))
    second.transport.watch_roll(TOPIC, TERMS)
    first.enter("ann")
    await until(lambda: second.told == {"ann"})
    hub.kill()
    asking = asyncio.ensure_future(second.transport.roll(TOPIC))
    await asyncio.to_thread(hub.start)
    assert set(await soon(asking)) == {"ann"}
    first.enter("bob")
    await until(lambda: second.told == {"ann", "bob"})
    await first.transport.aclose()
    await second.transport.aclose()
