"""Named queues on JetStream when nodes, pullers and connections fail, or JetStream refuses."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest
from channels.exceptions import MessageTooLarge

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.pull_request import (
    Delivery,
    PullRequest,
    read_delivery,
)
from compat_tests.groups.hubs import ROOT, soon
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer
from compat_tests.groups.nats.queue_processes import QueueProcess

Start = Callable[..., QueueProcess]
Serve = Callable[..., NatsServer]

#: A process that pulls, and says when it is about to.
PULLER = """
import asyncio, sys
from compat_tests.groups.nats.queue_processes import QueueProcess

async def main():
    process = QueueProcess([sys.argv[1]], sys.argv[2])
    await process.push("started", b"")
    await process.queues.pull("work")

asyncio.run(main())
"""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts nodes with JetStream, which outlive the processes."""
    with ExitStack() as servers:
        yield lambda config="", **options: servers.enter_context(
            NatsServer(config, **{"jetstream": True, **options})
        )


@pytest.fixture
async def start(serve: Serve, prefix: str) -> AsyncIterator[Start]:
    """Starts processes of one project."""
    processes: list[QueueProcess] = []

    def start(*servers: str, **options: object) -> QueueProcess:
        processes.append(QueueProcess(servers, prefix, **options))
        return processes[-1]

    yield start
    await asyncio.gather(*(process.aclose() for process in processes))


async def leader_of(process: QueueProcess, capacity: int = 1000) -> str:
    """The node that leads a stream."""
    until = asyncio.get_running_loop().time() + 10
    stream = process.queues._streams.name(capacity)
    info = await process.queues._jetstream.ask(f"STREAM.INFO.{stream}", until=until)
    leader: str = info["cluster"]["leader"]
    return leader


async def test_leader_is_killed(start: Start) -> None:
    """What waited is there, who waits gets what comes, and nothing comes twice."""
    with NatsCluster(jetstream=True) as cluster:
        sender, receiver = start(*cluster.urls, timeout=60), start(*cluster.urls)
        sent = [b"%d" % number for number in range(20)]
        for payload in sent[:5]:
            await sender.push("work", payload, expiry=600)
        waiting = asyncio.create_task(receiver.queues.pull("other"))
        leader = await leader_of(sender)
        next(server for server in cluster.servers if server.name == leader).kill()
        hasty = start(*cluster.urls, timeout=0.5)
        with pytest.raises(TransportUnavailable):
            await hasty.push("other", b"never", expiry=0.5)
        pushes = (sender.push("work", payload, expiry=600) for payload in sent[5:])
        await asyncio.gather(*pushes)
        assert [await soon(receiver.queues.pull("work")) for _ in sent] == sent
        await sender.push("other", b"hello")
        assert await soon(waiting) == b"hello"


@pytest.mark.parametrize("end", [NatsServer.kill, NatsServer.stop])
async def test_node_is_restarted(
    start: Start, serve: Serve, end: Callable[[NatsServer], None]
) -> None:
    """A single node keeps nothing, but those who wait go on, and so do those who push."""
    server = serve()
    sender, receiver = start(server.url), start(server.url)
    pull = asyncio.create_task(receiver.queues.pull("work"))
    await sender.push("other", b"lost")
    await asyncio.to_thread(end, server)
    await asyncio.to_thread(server.start)
    await sender.push("work", b"hello")
    assert await soon(pull) == b"hello"
    await sender.push("other", b"kept")
    assert await soon(receiver.queues.pull("other")) == b"kept"


async def test_puller_is_killed(start: Start, nats_server: NatsServer, prefix: str) -> None:
    """A process that waits and is killed takes nothing with it."""
    process = start(nats_server.url)
    command = [sys.executable, "-c", PULLER, nats_server.url, prefix]
    with subprocess.Popen(command, cwd=ROOT) as puller:  # noqa: ASYNC220 (it doesn't block)
        await soon(process.queues.pull("started"))
        puller.send_signal(signal.SIGKILL)
    await process.push("work", b"hello")
    assert await soon(process.queues.pull("work")) == b"hello"


async def take_without_deleting(process: QueueProcess) -> Delivery:
    """The next message, as a process gets it that does nothing with it."""
    until = asyncio.get_running_loop().time() + 10
    action = await process.queues._streams.require_consumer(1000, "work", until=until)
    request = PullRequest(process.connection, action, 1000, 5, lambda request, reply: None)
    delivery = read_delivery(await soon(request.adopt()), 1000, request.asked)
    assert delivery is not None
    return delivery


@pytest.fixture
def short_ack_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets a message keeps it from others for two seconds only."""
    monkeypatch.setattr("channels_bridge.groups.nats.queue_streams.ACK_WAIT", 2.0)
    monkeypatch.setattr("channels_bridge.groups.nats.queue_reader.ACK_WAIT", 2.0)
    monkeypatch.setattr("channels_bridge.groups.nats.queue_reader.ASK_FOR", 0.5)


@pytest.mark.usefixtures("short_ack_wait")
async def test_process_stops_with_a_message(start: Start, nats_server: NatsServer) -> None:
    """Another one gets the message, and the first doesn't when it goes on."""
    stopped, other = start(nats_server.url), start(nats_server.url)
    await other.push("work", b"hello")
    delivery = await take_without_deleting(stopped)
    assert await soon(other.queues.pull("work")) == b"hello"
    reader = stopped.queues._reader_of("work")
    assert await reader._take(delivery) is None
    late = delivery._replace(asked=asyncio.get_running_loop().time())
    assert await reader._take(late) is None  # JetStream says so, too


async def test_refused_message_is_the_next(start: Start, nats_server: NatsServer) -> None:
    """A message that came for a pull that was cancelled goes back to the front."""
    process, other = start(nats_server.url), start(nats_server.url)
    pull = asyncio.create_task(process.queues.pull("work"))
    await process.push("other", b"")
    await soon(process.queues.pull("other"))  # by now that waits, too
    pull.cancel()
    await asyncio.wait([pull])
    for payload in (b"1", b"2"):
        await other.push("work", payload)
    assert [await soon(other.queues.pull("work")) for _ in range(2)] == [b"1", b"2"]


async def test_unanswered_deletion_is_repeated(start: Start, nats_server: NatsServer) -> None:
    """A process that has deleted a message without hearing of it gets it, and nobody else does."""
    process, other = start(nats_server.url), start(nats_server.url)
    await process.push("work", b"hello")
    request = process.connection.request

    async def lose_the_first(subject: str, payload: bytes, **options: object) -> object:
        reply = await request(subject, payload, **options)  # type: ignore[arg-type]
        if ".STREAM.MSG.DELETE." in subject:
            process.connection.request = request  # type: ignore[method-assign]
            raise NatsUnavailable("the link has ended")
        return reply

    process.connection.request = lose_the_first  # type: ignore[method-assign,assignment]
    assert await soon(process.queues.pull("work")) == b"hello"
    await other.push("work", b"next")
    assert await soon(other.queues.pull("work")) == b"next"


async def test_unanswered_push_is_stored_once(start: Start, nats_server: NatsServer) -> None:
    """A message of whose storing nothing was heard is sent again, and there once."""
    process = start(nats_server.url)
    store, subject = process.queues._jetstream.store, process.queues._subjects.queue("work", 1000)
    until = asyncio.get_running_loop().time() + 10
    await process.queues._streams.require(1000, until=until)
    headers = {"Nats-Msg-Id": "1", "Bridge-Expiry": "60"}
    assert await store(subject, b"hello", headers, until=until)
    assert await store(subject, b"hello", headers, until=until)
    assert await process.queues._streams.count(1000, "work", until=until) == 1


async def test_connection_comes_later(start: Start, serve: Serve) -> None:
    """Who pulls and pushes before there is a node waits for it."""
    server = serve(start=False)
    sender, receiver = start(server.url), start(server.url)
    pull = asyncio.create_task(receiver.queues.pull("work"))
    push = asyncio.create_task(sender.push("work", b"hello"))
    await asyncio.sleep(0)
    server.start()
    assert await soon(push)
    assert await soon(pull) == b"hello"


# What JetStream refuses.

ACCOUNTS = """
accounts {{
  SYS {{ users: [{{user: sys, password: sys}}] }}
  A {{ {jetstream}
      users: [{{user: a, password: a, permissions: {{publish: {publish}, subscribe: ">"}}}}] }}
}}
system_account: SYS
no_auth_user: a
"""


async def refused(process: QueueProcess) -> str:
    """What a process is told that uses named queues; other things work."""
    with pytest.raises(TransportUnavailable) as pushing:
        await soon(process.push("work", b"hello"))
    with pytest.raises(TransportUnavailable) as pulling:
        await soon(process.queues.pull("work"))
    process.queues.give_back("work", b"hello", expiry=0.1)
    await process.queues.clear_queues()
    await soon(process.connection.flush(10))
    assert pushing.value.advice == pulling.value.advice
    return f"{pushing.value.reason}: {pushing.value.advice}"


async def test_jetstream_is_off(start: Start, serve: Serve) -> None:
    """The error says what to write into the configuration."""
    server = serve(jetstream=False)
    text = await refused(start(server.url))
    assert text.startswith("JetStream is off: write `jetstream {}` into nats-server.conf")


async def test_account_has_no_jetstream(start: Start, serve: Serve) -> None:
    """The error says so, and what to write."""
    server = serve(ACCOUNTS.format(jetstream="", publish='">"'))
    text = await refused(start(server.url))
    assert text.startswith("JetStream is off: JetStream not enabled for account: write `jetstream")


async def test_user_may_not(start: Start, serve: Serve) -> None:
    """The error names what the user has to be allowed."""
    config = ACCOUNTS.format(jetstream="jetstream: enabled", publish='{deny: ["$JS.>"]}')
    server = serve(config)
    text = await refused(start(server.url))
    assert "$JS.API." in text
    assert "permissions { publish: ... }" in text


async def test_memory_is_used_up(start: Start, serve: Serve) -> None:
    """The error says which setting to raise."""
    config = ACCOUNTS.format(jetstream="jetstream { max_mem: 10K }", publish='">"')
    server = serve(config)
    process = start(server.url)
    with pytest.raises(TransportUnavailable, match="max_memory_store"):
        for _ in range(20):
            await process.push("work", b"x" * 1000)


async def test_message_too_large(start: Start, serve: Serve) -> None:
    """It is refused, with the setting to raise, and the connection stays."""
    server = serve("max_payload: 10K")
    process = start(server.url)
    with pytest.raises(MessageTooLarge, match="raise `max_payload` in nats-server.conf"):
        await process.push("work", b"x" * 10_000)
    assert await process.push("work", b"x" * 9_000)
    assert process.connection.reconnects == 0
