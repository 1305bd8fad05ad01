"""The layer on the nodes of ``examples/nats``: TLS, a key, and permissions that suffice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.nats_transport import NatsTransport
from channels_bridge.groups.nats_config import NatsConfig
from compat_tests.groups.hubs import until
from compat_tests.groups.nats.example_nodes import ExampleNodes, Project, example_nodes

DEADLINE = 30.0

#: Makes a transport as a project, and a list of what it is delivered.
Connect = Callable[..., tuple[NatsTransport, list[bytes]]]


@pytest.fixture(scope="module", params=[1, 3], ids=["one", "three"])
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExampleNodes]:
    """The guide's single node, and its three."""
    with example_nodes(tmp_path_factory.mktemp("nodes"), request.param) as nodes:
        yield nodes


@pytest_asyncio.fixture
async def connect(nodes: ExampleNodes) -> AsyncIterator[Connect]:
    """Make transports, and close them in the end."""
    async with AsyncExitStack() as stack:

        def make(
            project: Project, *, node: int = 0, prefix: str = "mysite"
        ) -> tuple[NatsTransport, list[bytes]]:
            delivered: list[bytes] = []
            config = NatsConfig(
                servers=nodes.urls[node:] + nodes.urls[:node],
                prefix=prefix,
                timeout=DEADLINE,
                ca_file=str(nodes.ca_file),
                nkey_file=str(project.seed_file),
            )
            transport = NatsTransport(config, get_capacity=lambda name: 100)
            transport.start(lambda topic, payload: delivered.append(payload) is None)
            stack.push_async_callback(transport.aclose)
            return transport, delivered

        yield make


async def test_groups(nodes: ExampleNodes, connect: Connect) -> None:
    """What the layer does with groups and channels is permitted."""
    sender, _ = connect(nodes.mysite)
    receiver, delivered = connect(nodes.mysite, node=-1)
    await receiver.subscribe("g:room")
    await receiver.subscribe("p:0a1b")
    await sender.publish("g:room", b"1")
    await sender.publish_confirmed("g:room", b"2")
    await sender.ask("g:room", b"3")
    assert await sender.tell("p:0a1b", b"4")
    await until(lambda: delivered == [b"1", b"2", b"3", b"4"])
    receiver.unsubscribe("g:room")


async def test_queues(nodes: ExampleNodes, connect: Connect) -> None:
    """What it does with named queues is."""
    sender, _ = connect(nodes.mysite)
    reader, _ = connect(nodes.mysite, node=-1)
    assert await sender.push("thumbnails", b"1", capacity=10, expiry=60)
    assert await reader.pull("thumbnails") == b"1"
    reader.give_back("thumbnails", b"1", expiry=60)
    assert await asyncio.wait_for(reader.pull("thumbnails"), DEADLINE) == b"1"
    await sender.bind("g:room", "thumbnails", capacity=10, expiry=60, lifetime=60)
    await sender.publish_confirmed("g:room", b"2")
    assert await asyncio.wait_for(reader.pull("thumbnails"), DEADLINE) == b"2"
    await sender.unbind("g:room", "thumbnails")
    await sender.clear_queues()


async def test_nothing_else(nodes: ExampleNodes, connect: Connect) -> None:
    """Another project that takes this one's prefix is told what it may not do."""
    transport, delivered = connect(nodes.other)
    with pytest.raises(TransportUnavailable, match="mysite"):
        await transport.subscribe("g:room")
    mysite, _ = connect(nodes.mysite)
    await mysite.publish_confirmed("g:room", b"private")
    assert delivered == []


@pytest.mark.parametrize("nodes", [3], indirect=True, ids=["three"])
async def test_a_node_is_updated(nodes: ExampleNodes, connect: Connect) -> None:
    """A node that is told to stop sends its processes to the others, and nothing is lost."""
    sender, _ = connect(nodes.mysite)
    receiver, delivered = connect(nodes.mysite)
    await receiver.subscribe("g:room")
    await sender.publish("g:room", b"1")
    name = receiver.statistics().node
    node = next(server for server in nodes.servers if server.name == name)
    node.enter_lame_duck_mode()
    await sender.publish("g:room", b"2")
    await until(lambda: receiver.statistics().node not in (None, name))
    await sender.publish("g:room", b"3")
    await until(lambda: delivered == [b"1", b"2", b"3"])
    node.kill()  # it would end by itself after its grace period
    node.start()
