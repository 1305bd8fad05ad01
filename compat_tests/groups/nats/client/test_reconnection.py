"""Nodes that end, vanish, come back or send their clients away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest

from channels_bridge.groups.nats.client import nats_connection, reconnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.reconnection import MIN_DELAY
from channels_bridge.groups.nats.client.server_pool import ServerPool
from channels_bridge.groups.nats.client.write_queue import BOUND, FULL
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.client.fake_node import fake_node, greet
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer, choose_port

#: Seconds between two beats: a silent node is left after three or four.
FAST = 0.1


@pytest.fixture
def cluster() -> Iterator[NatsCluster]:
    """Two nodes, to be harmed."""
    with NatsCluster(2) as cluster:
        yield cluster


def node_of(client: Client, cluster: NatsCluster) -> NatsServer:
    """The node that a client is connected to."""
    name = client.connection.info.server_name
    return next(server for server in cluster.servers if server.name == name)


async def test_node_is_killed(connect: Connect, cluster: NatsCluster) -> None:
    """The connection goes to another node, with its subscriptions and what waits."""
    here, there = await connect(*cluster.urls), await connect(*cluster.urls)
    here.connection.subscribe("a", 1)
    await soon(here.connection.flush(10))
    node_of(here, cluster).kill()
    await until(lambda: here.greetings == [True, False])
    await soon(here.connection.flush(10))
    await until(lambda: there.connection.connected)
    there.connection.publish("a", b"again")
    assert await here.receive(1) == [b"again"]
    assert here.connection.reconnects == 1


async def test_node_comes_back(connect: Connect) -> None:
    """A single node is found again; what was published meanwhile is sent, in order."""
    with NatsServer() as server:
        here, there = await connect(server.url), await connect(server.url)
        await there.subscribe("a")
        server.kill()
        await until(lambda: not (here.connection.connected or there.connection.connected))
        assert "nobody listens at" in await trouble_of(here)
        server.start()
        await until(lambda: there.greetings == [True, False])
        await soon(there.connection.flush(10))
        for number in range(100):
            here.connection.publish("a", b"%d" % number)
        assert await there.receive(100) == [b"%d" % number for number in range(100)]
        assert here.connection.trouble is None
        await close(here, there)


async def test_long_absence_is_a_warning(
    make_client: Callable[..., Client],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``runworker`` and the like show no INFO: they tell that there is no node, once."""
    monkeypatch.setattr(reconnection, "PATIENCE", 0.2)
    caplog.set_level("WARNING")
    client = make_client(f"127.0.0.1:{choose_port()}")
    client.connection.start()
    await until(lambda: bool(caplog.records))
    text = caplog.records[0].getMessage()
    assert text.startswith("no connection to NATS for 0.2 seconds: nobody listens at nats://127.")
    await client.connection.aclose()
    assert len(caplog.records) == 1


async def test_short_absence_is_no_warning(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that is started again is told of by INFO alone."""
    caplog.set_level("WARNING")
    with NatsServer() as server:
        client = await connect(server.url)
        server.restart()
        await until(lambda: client.greetings == [True, False])
        await client.connection.aclose()
    assert not caplog.records


async def test_what_is_published_meanwhile_waits(connect: Connect) -> None:
    """It waits within a bound; what there is no room for is counted."""
    with NatsServer() as server:
        here = await connect(server.url)
        server.kill()
        await until(lambda: not here.connection.connected)
        assert not here.connection.is_full
        megabyte = bytes(1024 * 1024 - 100)
        for _ in range(FULL // 1024 // 1024 + 1):
            assert here.connection.publish("a", megabyte)
        assert here.connection.is_full
        with pytest.raises(NatsUnavailable, match="nobody listens"):
            await soon(here.connection.wait_for_room(0.5))
        while here.connection.publish("a", megabyte):
            assert here.connection.waiting_bytes <= BOUND
        assert here.connection.dropped == 1
        waiter = asyncio.create_task(here.connection.wait_for_room(30))
        server.start()
        await soon(waiter)
        await soon(here.connection.flush(30))
        assert here.connection.waiting_bytes == 0
        assert server.ask("varz")["in_msgs"] == (BOUND // len(megabyte))
        await close(here)


@pytest.mark.parametrize("waiting", [0, 16 * 1024 * 1024])
async def test_node_goes_silent(connect: Connect, cluster: NatsCluster, waiting: int) -> None:
    """A node that says nothing any more is left, whether data waits for it or not."""
    client = await connect(*cluster.urls, ping_interval=FAST)
    node = node_of(client, cluster)
    node.pause()
    part = bytes(1024)
    for _ in range(waiting // len(part)):
        client.connection.publish("a", part)
    await until(lambda: client.greetings == [True, False])
    assert node_of(client, cluster) is not node
    await soon(client.connection.flush(30))


async def test_silence_is_noticed_while_little_is_published(
    connect: Connect, cluster: NatsCluster
) -> None:
    """That the kernel takes what is published is no sign of the node's life."""
    client = await connect(*cluster.urls, ping_interval=FAST)
    node_of(client, cluster).pause()

    async def publish() -> None:
        while True:
            client.connection.publish("a", b"tick")
            await asyncio.sleep(0.01)

    publishing = asyncio.create_task(publish())
    await until(lambda: client.greetings == [True, False])
    publishing.cancel()


async def test_node_that_never_greets(connect: Connect, cluster: NatsCluster) -> None:
    """A node that accepts, and then says nothing, holds nobody up for long."""
    silent, living = cluster.servers
    silent.pause()
    clients = [connect(*cluster.urls, connect_timeout=0.2) for _ in range(4)]
    names = {client.connection.info.server_name for client in await soon(asyncio.gather(*clients))}
    assert names == {living.name}


async def test_flush_says_that_its_link_ended(connect: Connect, cluster: NatsCluster) -> None:
    """What was published before may be lost then."""
    client = await connect(*cluster.urls)
    node_of(client, cluster).pause()
    flush = asyncio.create_task(client.connection.flush(30))
    await asyncio.sleep(0)
    node_of(client, cluster).kill()
    with pytest.raises(NatsUnavailable, match="ended the connection|reset"):
        await soon(flush)


async def test_lame_duck(connect: Connect, cluster: NatsCluster) -> None:
    """A node that is about to end is left at once, and what was published to it arrives."""
    here, there = await connect(*cluster.urls), await connect(*cluster.urls)
    node = node_of(here, cluster)
    while node_of(there, cluster) is node:
        there = await connect(*reversed(cluster.urls))
    await there.subscribe("a")
    await until(lambda: is_known("a", node))
    sent = [b"%d" % number for number in range(1000)]
    for payload in sent[:500]:
        here.connection.publish("a", payload)
    await soon(here.connection.flush(10))
    node.enter_lame_duck_mode()
    for payload in sent[500:]:
        here.connection.publish("a", payload)
    await until(lambda: here.greetings == [True, False])
    assert node.is_running  # it was left long before its end
    assert sorted(await there.receive(len(sent))) == sorted(sent)


async def test_lame_duck_that_is_alone(connect: Connect) -> None:
    """There is nowhere to go: the node is used to its end."""
    with NatsServer() as server:
        client = await connect(server.url)
        server.enter_lame_duck_mode()
        await soon(client.connection.flush(10))
        assert client.greetings == [True]
        await close(client)


async def test_node_that_greets_and_ends_the_connection(make_client: Callable[..., Client]) -> None:
    """It is not connected to without a pause: each link begins with all subscriptions."""
    loop, greeted = asyncio.get_running_loop(), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.readuntil(b"SUB ")  # the link is in use
        greeted.append(loop.time())

    async with fake_node(serve) as url:
        client = make_client(url)
        client.connection.start()
        await until(lambda: len(greeted) >= 5)
        await close(client)
    assert greeted[4] - greeted[0] > MIN_DELAY * (1 + 2 + 4 + 8) / 2


async def test_closing_without_a_node(
    make_client: Callable[..., Client],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What could not be sent by then is not forgotten silently."""
    monkeypatch.setattr(nats_connection, "CLOSE_TIMEOUT", 0.1)
    client = make_client(f"127.0.0.1:{choose_port()}")
    client.connection.publish("a", b"b")
    client.connection.start()
    await until(lambda: client.connection.trouble is not None)
    await soon(client.connection.aclose())
    assert "12 bytes were not sent to NATS: nobody listens at nats://127.0.0.1" in caplog.text


async def test_closing_when_names_cannot_be_looked_up(
    make_client: Callable[..., Client],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process at its end has no threads for that: it says why there was no node before."""
    monkeypatch.setattr(nats_connection, "CLOSE_TIMEOUT", 0.1)
    client = make_client(f"127.0.0.1:{choose_port()}")
    client.connection.publish("a", b"b")
    client.connection.start()
    await until(lambda: client.connection.trouble is not None)
    loop = asyncio.get_running_loop()
    error = RuntimeError("cannot schedule new futures after shutdown")
    look_up = Mock(side_effect=error)
    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    await until(lambda: look_up.called)
    await soon(client.connection.aclose())
    assert "12 bytes were not sent to NATS: nobody listens at nats://127.0.0.1" in caplog.text


async def test_nodes_that_info_names(connect: Connect) -> None:
    """A connection that was told of one node knows all, and is told when one comes."""
    with NatsCluster(3) as cluster:
        cluster.servers[2].kill()
        client = await connect(cluster.urls[0])
        await until(lambda: len(client.connection.info.connect_urls) == 2)
        changes = client.changes
        cluster.servers[2].start()
        await until(lambda: client.changes > changes)
        assert len(client.connection.info.connect_urls) == 3
        cluster.servers[0].kill()
        await until(lambda: client.greetings == [True, False])
        await close(client)


def test_processes_begin_at_different_nodes() -> None:
    """Those of one machine spread over the nodes, whatever the order they were given."""
    urls = ["nats://a", "nats://b", "nats://c"]
    first = [str(ServerPool(urls, start=number).take()) for number in range(100, 109)]
    assert first == [f"{url}:4222" for url in ["nats://b", "nats://c", "nats://a"] * 3]


def is_known(subject: str, server: NatsServer) -> bool:
    """Whether a node knows that somebody at another has subscribed."""
    routes = server.ask("routez?subs=1")["routes"]
    return any(subject in route.get("subscriptions_list", []) for route in routes)


async def trouble_of(client: Client) -> str:
    """Why it isn't connected."""
    await until(lambda: client.connection.trouble is not None)
    await until(lambda: "nobody" in (client.connection.trouble or ""))
    return client.connection.trouble or ""


async def close(*clients: Client) -> None:
    """End connections before their node does."""
    await asyncio.gather(*(client.connection.aclose() for client in clients))
