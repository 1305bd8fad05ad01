"""Named queues on JetStream: each message once, to one of those who pull."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.queue_streams import QueueStreams
from channels_bridge.groups.nats.subjects import Subjects
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.groups.nats.queue_processes import QueueProcess

Start = Callable[..., QueueProcess]


@pytest.fixture(params=["nats_server", "nats_cluster"])
def urls(request: pytest.FixtureRequest) -> list[str]:
    """Where one node is, or three are."""
    nodes = request.getfixturevalue(request.param)
    return [nodes.url] if isinstance(nodes, NatsServer) else nodes.urls


@pytest.fixture
async def start(urls: list[str], prefix: str) -> AsyncIterator[Start]:
    """Starts processes of one project."""
    processes: list[QueueProcess] = []

    def start(**options: object) -> QueueProcess:
        processes.append(QueueProcess(urls, prefix, **options))
        return processes[-1]

    yield start
    await asyncio.gather(*(process.aclose() for process in processes))


async def test_first_in_first_out(start: Start) -> None:
    """What one process pushes others pull, in order."""
    sender, receiver = start(), start()
    for payload in (b"1", b"2", b"3"):
        assert await sender.push("work", payload)
    assert [await soon(receiver.queues.pull("work")) for _ in range(3)] == [b"1", b"2", b"3"]


async def test_pushes_at_once_keep_their_order(start: Start) -> None:
    """Pushes that one process begins at once come in the order in which they began."""
    sender, receiver = start(), start()
    payloads = [b"%d" % number for number in range(100)]
    assert all(await asyncio.gather(*(sender.push("work", payload) for payload in payloads)))
    assert [await soon(receiver.queues.pull("work")) for _ in payloads] == payloads


async def test_each_to_one(start: Start) -> None:
    """Whoever pulls, and however many do, each message goes to one of them."""
    sender, pullers = start(), [start() for _ in range(3)]
    pulls = [
        asyncio.create_task(process.queues.pull("work")) for process in pullers for _ in range(10)
    ]
    sent = [b"%d" % number for number in range(30)]
    await asyncio.gather(*(sender.push("work", payload) for payload in sent))
    assert sorted(await soon(asyncio.gather(*pulls))) == sorted(sent)


async def test_capacity_under_concurrent_pushes(start: Start) -> None:
    """However many processes push at once, no more messages wait than may."""
    senders = [start() for _ in range(3)]
    pushes = [
        sender.push("work", b"%d" % number, capacity=10)
        for number in range(10)
        for sender in senders
    ]
    assert sum(await asyncio.gather(*pushes)) == 10
    await soon(start().queues.pull("work"))
    assert sum(await asyncio.gather(*(s.push("work", b"x", capacity=10) for s in senders))) == 1


async def test_expiry_is_exact(start: Start) -> None:
    """JetStream's own expiry knows whole seconds; ours ends when it says."""
    sender, receiver = start(), start()
    await sender.push("work", b"soon gone", expiry=0.1)
    await sender.push("work", b"stays", expiry=1.5)
    await asyncio.sleep(0.11)  # the passing of time is what is tested
    assert await soon(receiver.queues.pull("work")) == b"stays"


async def test_expired_messages_take_no_room(start: Start) -> None:
    """A queue that is full of what has expired takes new messages, also many at once."""
    sender = start()
    for _ in range(3):
        assert await sender.push("work", b"old", capacity=3, expiry=0.02)
    await asyncio.sleep(0.03)  # the passing of time is what is tested
    pushes = (sender.push("work", b"%d" % number, capacity=3) for number in range(4))
    assert sorted(await asyncio.gather(*pushes)) == [False, True, True, True]
    assert [await soon(sender.queues.pull("work")) for _ in range(3)] == [b"0", b"1", b"2"]


async def test_cancelled_pulls_lose_nothing(start: Start) -> None:
    """Pulls that are cancelled at any moment, in two processes, lose nothing and double nothing."""
    sender, pullers, got = start(), (start(), start()), []
    sent = [b"%d" % number for number in range(100)]
    for number, payload in enumerate(sent):
        pull = asyncio.create_task(pullers[number % 2].queues.pull("work"))
        push = asyncio.create_task(sender.push("work", payload))
        for _ in range(number % 25):
            await asyncio.sleep(0)
        pull.cancel()
        await asyncio.wait([pull, push])
        if not pull.cancelled():
            got.append(pull.result())
    while len(got) < len(sent):
        got.append(await soon(sender.queues.pull("work")))
    assert sorted(got) == sorted(sent)


async def test_polling_puller(start: Start) -> None:
    """Who pulls with a short timeout again and again gets the messages, in order."""
    sender, receiver, got = start(), start(), []
    sent = [b"%d" % number for number in range(20)]
    pushing = asyncio.gather(*(sender.push("work", payload) for payload in sent))

    async def poll() -> None:
        while len(got) < len(sent):
            pull = asyncio.create_task(receiver.queues.pull("work"))
            await asyncio.wait([pull], timeout=0.01)
            pull.cancel()
            await asyncio.wait([pull])
            if not pull.cancelled():
                got.append(pull.result())

    await soon(poll())
    await pushing
    assert got == sent


async def test_given_back_while_looking_elsewhere(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes for nobody goes back before a pull that is under way asks for the next."""
    sender, receiver = start(), start()
    reader, looking, looked = receiver.queues._reader_of("work"), asyncio.Event(), asyncio.Event()
    find, request = reader._streams.find_others, receiver.connection.request

    async def find_slowly(*arguments: Any, **options: Any) -> list[int]:
        found = await find(*arguments, **options)
        looking.set()
        await looked.wait()
        return found

    async def request_slowly(subject: str, payload: bytes, **options: Any) -> Reply:
        if payload == b"-NAK":
            looked.set()
            await sender.push("work", b"2")  # by then a request for the next has an answer
        return await request(subject, payload, **options)

    pull = asyncio.create_task(receiver.queues.pull("work"))
    await until(lambda: bool(reader._waiting))
    pull.cancel()
    await asyncio.wait([pull])
    monkeypatch.setattr(reader._streams, "find_others", find_slowly)
    monkeypatch.setattr(receiver.connection, "request", request_slowly)
    reader._looked = float("-inf")
    pull = asyncio.create_task(receiver.queues.pull("work"))
    await looking.wait()
    await sender.push("work", b"1")
    assert await soon(pull) == b"1"
    assert await soon(receiver.queues.pull("work")) == b"2"


async def test_given_back(start: Start) -> None:
    """What is given back is the next, in every process, though the queue is full."""
    sender, receiver, other = start(), start(), start()
    await sender.push("work", b"1", capacity=1)
    payload = await soon(receiver.queues.pull("work"))
    await sender.push("work", b"2", capacity=1)
    receiver.queues.give_back("work", payload, expiry=60)
    await receiver.queues.aclose()
    assert await soon(other.queues.pull("work")) == b"1"
    assert await soon(other.queues.pull("work")) == b"2"


async def test_given_back_to_who_waits(start: Start) -> None:
    """What is given back goes to a process that waits already."""
    sender, receiver, other = start(), start(), start()
    await sender.push("work", b"1")
    payload = await soon(receiver.queues.pull("work"))
    pull = asyncio.create_task(other.queues.pull("work"))
    await other.push("other", b"2")
    assert await soon(other.queues.pull("other")) == b"2"
    receiver.queues.give_back("work", payload, expiry=60)
    assert await asyncio.wait_for(pull, 4) == b"1"  # sooner than it would look by itself


async def test_other_capacity(start: Start) -> None:
    """Who was told another capacity finds what was pushed with the former one."""
    sender = start()
    for number in range(3):
        await sender.push("work", b"%d" % number, capacity=100)
    receiver = start(get_capacity=lambda queue: 200)
    assert [await soon(receiver.queues.pull("work")) for _ in range(3)] == [b"0", b"1", b"2"]


async def test_racing_creators(start: Start) -> None:
    """Processes that all use the project's first queue at once get one stream."""
    processes = [start() for _ in range(8)]
    pulls = [asyncio.create_task(process.queues.pull("work")) for process in processes]
    assert all(await asyncio.gather(*(process.push("work", b"x") for process in processes)))
    assert await soon(asyncio.gather(*pulls)) == [b"x"] * 8


async def test_other_release(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that another release has configured otherwise is used, and changed."""
    with monkeypatch.context() as patch:
        patch.setattr("channels_bridge.groups.nats.jetstream.jetstream_streams.DUPLICATES", 60)
        await start().push("work", b"1")
    process = start()
    await process.push("work", b"2")
    until = asyncio.get_running_loop().time() + 10
    info = await process.queues._jetstream.ask(f"STREAM.INFO.{stream_of(process)}", until=until)
    assert info["config"]["duplicate_window"] == 120e9
    assert [await soon(process.queues.pull("work")) for _ in range(2)] == [b"1", b"2"]


def stream_of(process: QueueProcess) -> str:
    """The stream of queues that are never full."""
    streams: QueueStreams = process.queues._streams
    return streams.name(1000)


@pytest.mark.parametrize("name", ["a.b", ".", "x*y>z", "two words", "\u00e9\r\n", "l" * 300])
async def test_odd_names(start: Start, name: str) -> None:
    """Whatever a queue is called, it is one of its own."""
    process = start()
    await process.push(name, b"hello")
    await process.push(name + "x", b"other")
    assert await soon(process.queues.pull(name)) == b"hello"


async def test_clear(start: Start) -> None:
    """Clearing empties all queues; who waits goes on waiting."""
    one, two = start(), start()
    await one.push("work", b"old", capacity=5)
    await one.push("more", b"old", capacity=7)
    pull = asyncio.create_task(two.queues.pull("other"))
    await two.queues.clear_queues()
    await one.push("work", b"new", capacity=5)
    await one.push("other", b"hello")
    assert await soon(two.queues.pull("work")) == b"new"
    assert await soon(pull) == b"hello"


@pytest.mark.parametrize("headers", [{}, {"Bridge-Expiry": "soon"}])
async def test_message_of_a_stranger(start: Start, prefix: str, headers: dict[str, str]) -> None:
    """What others have put into a queue, without saying how long it may wait, ends no reader."""
    process = start()
    assert await process.push("work", b"first")
    assert await soon(process.queues.pull("work")) == b"first"
    subject = Subjects(prefix, bytes(8)).queue("work", 1000)
    await process.connection.request(subject, b"stranger", headers=headers, timeout=20)
    assert await soon(process.queues.pull("work")) == b"stranger"
