"""The contract of every transport that keeps history, on a hub of its own process or on none.

What a new transport has to do besides ``test_transport_contract``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from channels_bridge.groups.following.local_history import (
    LocalHistoryExchange,
    LocalHistoryTransport,
)
from channels_bridge.groups.grpc.process.grpc_history_transport import GrpcHistoryTransport
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.history_transport import HistoryTransport
from compat_tests.groups.following_processes import BOUNDS, TOPIC, FollowingPeer
from compat_tests.groups.hubs import DEADLINE, HubProcess, soon, until

Connect = Callable[[], FollowingPeer]


@pytest.fixture(params=["local", "grpc"])
def make_transport(request: pytest.FixtureRequest, prefix: str) -> Callable[[], HistoryTransport]:
    """Makes transports that reach each other."""
    if request.param == "local":
        exchange = LocalHistoryExchange(2**20)
        return lambda: LocalHistoryTransport(exchange)
    hub = request.getfixturevalue("shared_hub")
    return lambda: GrpcHistoryTransport(hub.address, timeout=DEADLINE, prefix=prefix)


@pytest.fixture
async def connect(make_transport: Callable[[], HistoryTransport]) -> AsyncIterator[Connect]:
    """Makes peers, each with a transport of its own."""
    peers: list[FollowingPeer] = []

    def connect() -> FollowingPeer:
        peers.append(FollowingPeer(make_transport()))
        return peers[-1]

    yield connect
    await asyncio.gather(*(peer.transport.aclose() for peer in peers))


async def followers(connect: Connect, count: int) -> list[FollowingPeer]:
    """Peers that follow the topic."""
    peers = [connect() for _ in range(count)]
    for peer in peers:
        await soon(peer.transport.follow(TOPIC))
    return peers


async def test_one_dense_order(connect: Connect) -> None:
    """Whoever appends, all who follow get all of it in one order, numbered without a hole."""
    peers = await followers(connect, 3)

    async def append(peer: FollowingPeer, name: bytes) -> None:
        for number in range(100):
            await peer.append(b"%s %d" % (name, number))
            if number % 10 == 0:
                await asyncio.sleep(0)

    await asyncio.gather(*map(append, peers, [b"a", b"b", b"c"]))
    await until(lambda: all(len(peer.told) == 300 for peer in peers))
    assert peers[0].told == peers[1].told == peers[2].told
    assert [e.offset for e in peers[0].recorder.kept[TOPIC]] == list(range(1, 301))
    for name in (b"a", b"b", b"c"):
        own = [payload for payload in peers[0].told if payload.startswith(name)]
        assert own == [b"%s %d" % (name, number) for number in range(100)]


async def test_follow_brings_the_log(connect: Connect) -> None:
    """Once ``follow()`` returns, what was appended before is there; then comes exactly the next."""
    sender = connect()
    for number in range(5):
        await sender.transport.append_confirmed(TOPIC, b"%d" % number, BOUNDS, kept=True)
    (late,) = await followers(connect, 1)
    assert late.told == [b"0", b"1", b"2", b"3", b"4"]
    await sender.append(b"5")
    await late.has_been_told(*(b"%d" % number for number in range(6)))


async def test_confirmed(connect: Connect) -> None:
    """What is confirmed has its number, and was given to the followers of this process."""
    (sender, other) = await followers(connect, 2)
    for count in range(1, 51):
        await soon(sender.transport.append_confirmed(TOPIC, b"x", BOUNDS, kept=True))
        assert len(sender.told) == count
    await until(lambda: len(other.told) == 50)


async def test_asked_again(connect: Connect) -> None:
    """Asked again, ``follow()`` brings what was confirmed anywhere until then."""
    sender, receiver = await followers(connect, 2)
    for count in range(1, 21):
        await soon(sender.transport.append_confirmed(TOPIC, b"x", BOUNDS, kept=True))
        await soon(receiver.transport.follow(TOPIC))
        assert len(receiver.told) == count
    assert receiver.recorder.wholes == {TOPIC: 1}


async def test_bounds(connect: Connect) -> None:
    """No more messages are kept than the sender says, nor for longer."""
    sender = connect()
    for number in range(10):
        await sender.transport.append_confirmed(TOPIC, b"%d" % number, Bounds(3, 60), kept=True)
    await sender.transport.append_confirmed("g:brief", b"gone", Bounds(3, 1e-9), kept=True)
    assert [e.payload for e in (await sender.transport.read(TOPIC)).entries] == [b"7", b"8", b"9"]
    excerpt = await sender.transport.read("g:brief")
    assert (excerpt.floor, list(excerpt.entries)) == (1, [])


async def test_not_kept(connect: Connect) -> None:
    """What isn't kept takes its place among the others, at all who follow; no log has it."""
    sender, receiver = await followers(connect, 2)
    for number in range(10):
        await sender.append(b"%d" % number, kept=bool(number % 2))
    expected = [b"%d" % number for number in range(10)]
    await receiver.has_been_told(*expected)
    await sender.has_been_told(*expected)
    kept = (await sender.transport.read(TOPIC)).entries
    assert [entry.payload for entry in kept] == expected[1::2]


async def test_read(connect: Connect) -> None:
    """Reading brings the whole log, and nothing afterwards."""
    sender, reader = connect(), connect()
    assert list((await reader.transport.read(TOPIC)).entries) == []
    for number in range(3):
        await sender.transport.append_confirmed(TOPIC, b"%d" % number, BOUNDS, kept=True)
    excerpt = await reader.transport.read(TOPIC)
    assert excerpt.is_whole
    assert [(e.offset, e.payload) for e in excerpt.entries] == [(1, b"0"), (2, b"1"), (3, b"2")]
    assert [run.last for run in excerpt.runs] == [3]
    brief = await reader.transport.read(TOPIC, is_brief=True)
    assert (brief.floor, list(brief.runs), list(brief.entries)) == (3, list(excerpt.runs), [])
    await sender.transport.append_confirmed(TOPIC, b"3", BOUNDS, kept=True)
    await reader.transport.read("g:other")  # what would come comes before the answer
    assert reader.told == []
    assert reader.recorder.excerpts == {}


async def test_unfollow(connect: Connect) -> None:
    """After leaving nothing comes; following again brings what was missed."""
    sender, receiver = await followers(connect, 2)
    receiver.transport.unfollow(TOPIC)
    receiver.transport.unfollow("g:never followed")
    await receiver.transport.read("g:other")
    await sender.transport.append_confirmed(TOPIC, b"1", BOUNDS, kept=True)
    await receiver.transport.read("g:other")
    assert receiver.told == []
    await soon(receiver.transport.follow(TOPIC))
    assert receiver.told == [b"1"]
    assert receiver.recorder.wholes == {TOPIC: 1}


async def test_clear(connect: Connect) -> None:
    """Clearing forgets all logs; who follows begins anew, where no old position is known."""
    sender, receiver = await followers(connect, 2)
    await sender.append(b"1")
    await receiver.has_been_told(b"1")
    before = receiver.recorder.position(TOPIC)
    await soon(sender.transport.clear_queues())
    await sender.append(b"2")
    for peer in (sender, receiver):
        await until(lambda peer=peer: peer.told[-1:] == [b"2"])
        assert [entry.payload for entry in peer.recorder.kept[TOPIC]] == [b"2"]
    after = receiver.recorder.position(TOPIC)
    assert before is not None and after is not None
    assert before.epoch != after.epoch


async def test_queues_are_bound(connect: Connect) -> None:
    """What is appended goes to the queues that are bound to the topic, too."""
    sender, worker = connect(), connect()
    await worker.transport.bind(TOPIC, "work", capacity=10, expiry=60, lifetime=60)
    await sender.append(b"1")
    assert await soon(worker.transport.pull("work")) == b"1"


async def test_large_messages(connect: Connect) -> None:
    """Logs of many mebibytes arrive."""
    sender = connect()
    payloads = [bytes([number]) * 3_000_000 for number in range(4)]
    for payload in payloads:
        await sender.transport.append_confirmed(TOPIC, payload, BOUNDS, kept=True)
    if isinstance(sender.transport, LocalHistoryTransport):
        return  # its memory has less room
    (late,) = await followers(connect, 1)
    assert late.told == payloads


async def test_follow_while_delivering(connect: Connect) -> None:
    """What is followed on a delivery is in force when its sender goes on."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("p:receiver")
    receiver.on_delivery = lambda topic, payload: receiver.transport.follow_nowait(TOPIC)
    await soon(sender.transport.tell("p:receiver", b"join the room"))
    await soon(sender.transport.append_confirmed(TOPIC, b"hello", BOUNDS, kept=True))
    await receiver.has_been_told(b"hello")


# With a hub that ends.


async def test_hub_is_killed(hub: HubProcess) -> None:
    """With its file kept, all who follow miss nothing, and nothing comes twice."""
    peers = [FollowingPeer(GrpcHistoryTransport(hub.address, timeout=DEADLINE)) for _ in range(2)]
    for peer in peers:
        await soon(peer.transport.follow(TOPIC))
    number = 0
    for _ in range(3):
        for _ in range(50):
            number += 1
            await peers[number % 2].append(b"%d" % number)
        await until(lambda least=number - 30: len(peers[0].told) > least)
        hub.kill()
        number += 1
        await peers[number % 2].append(b"%d" % number)
        await asyncio.to_thread(hub.start)
    await until(lambda: all(len(peer.told) == number for peer in peers))
    assert peers[0].told == peers[1].told
    assert sorted(map(int, peers[0].told)) == list(range(1, number + 1))
    assert len({entry.epoch for entry in peers[0].recorder.kept[TOPIC]}) > 1
    assert peers[0].recorder.wholes == peers[1].recorder.wholes == {TOPIC: 1}
    for peer in peers:
        await peer.transport.aclose()


@pytest.mark.parametrize("loss", ["removed", "shortened"])
async def test_hub_is_killed_and_its_file_is_lost(hub: HubProcess, loss: str) -> None:
    """Then whoever was further than the file begins anew, and is told so."""
    peer = FollowingPeer(GrpcHistoryTransport(hub.address, timeout=DEADLINE))
    await soon(peer.transport.follow(TOPIC))
    for number in range(10):
        await soon(peer.transport.append_confirmed(TOPIC, b"%d" % number, BOUNDS, kept=True))
    hub.kill()
    lose(hub, loss)
    hub.start()
    await soon(peer.transport.append_confirmed(TOPIC, b"after", BOUNDS, kept=True))
    assert peer.recorder.wholes == {TOPIC: 2}
    kept = [entry.payload for entry in peer.recorder.kept[TOPIC]]
    before = [b"%d" % number for number in range(9)] if loss == "shortened" else []
    assert kept == [*before, b"after"]
    await peer.transport.aclose()


def lose(hub: HubProcess, loss: str) -> None:
    """Lose the hub's file, or its last byte."""
    path = hub.history_path
    if loss == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])


async def test_history_outlives_all_processes(hub: HubProcess) -> None:
    """The file is there for whoever comes when all have ended, also if somebody has removed it."""
    peer = FollowingPeer(GrpcHistoryTransport(hub.address, timeout=DEADLINE))
    await soon(peer.transport.append_confirmed(TOPIC, b"1", BOUNDS, kept=True))
    hub.history_path.unlink()
    await until(hub.history_path.exists)  # the hub makes it again
    await peer.transport.aclose()
    hub.stop()
    hub.start()
    late = FollowingPeer(GrpcHistoryTransport(hub.address, timeout=DEADLINE))
    assert [e.payload for e in (await soon(late.transport.read(TOPIC))).entries] == [b"1"]
    await late.transport.aclose()


async def test_no_hub(address: str) -> None:
    """A process that may be alone, and is: its members get what it sends, and nothing is kept."""
    peer = FollowingPeer(GrpcHistoryTransport(address, timeout=DEADLINE, require_hub=False))
    await soon(peer.transport.follow(TOPIC))
    await soon(peer.transport.append_confirmed(TOPIC, b"1", BOUNDS, kept=True))
    await peer.append(b"2")
    assert peer.told == [b"1", b"2"]
    assert list((await soon(peer.transport.read(TOPIC))).entries) == []
    await soon(peer.transport.clear_queues())
    await peer.transport.aclose()
