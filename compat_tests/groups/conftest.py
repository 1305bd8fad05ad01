"""Fixtures for groups: hubs, layers, and peers of a transport."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.local_transport import LocalExchange, LocalTransport
from channels_bridge.groups.transport_interface import GroupTransport
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer, NatsChannelLayer
from compat_tests.groups.hubs import DEADLINE, HubProcess
from compat_tests.groups.nats.nats_peers import nats_transports
from compat_tests.groups.transport_peer import Peer


@pytest.fixture
def address(socket_dir: Path) -> str:
    """The address of a socket that doesn't exist yet."""
    return f"unix:{socket_dir}/groups.sock"


@pytest.fixture
def hub(address: str) -> Iterator[HubProcess]:
    """A hub at ``address``."""
    process = HubProcess(address)
    yield process
    process.close()


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[HubProcess]:
    """A hub for tests that do it no harm. Each has a prefix of its own there."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        process = HubProcess(f"unix:{directory}/groups.sock")
        yield process
        process.close()


@pytest.fixture
def prefix() -> str:
    """One that no other test has: they don't meet at a hub."""
    return uuid.uuid4().hex


@pytest.fixture(params=["local", "grpc", "nats", "nats3"])
def make_transport(request: pytest.FixtureRequest, prefix: str) -> Callable[[], GroupTransport]:
    """Makes transports that reach each other; in a cluster of NATS each begins at another node."""
    if request.param == "local":
        exchange = LocalExchange()
        return lambda: LocalTransport(exchange)
    if request.param == "grpc":
        process = request.getfixturevalue("shared_hub")
        return lambda: GrpcTransport(process.address, timeout=DEADLINE, prefix=prefix)
    return nats_transports(nats_urls(request), prefix=prefix, capacity=1000)


def nats_urls(request: pytest.FixtureRequest) -> list[str]:
    """The nodes of the fixture's parameter: one, or three."""
    if request.param == "nats3":
        return list(request.getfixturevalue("nats_cluster").urls)
    return [request.getfixturevalue("nats_server").url]


@pytest.fixture
async def connect(
    make_transport: Callable[[], GroupTransport],
) -> AsyncIterator[Callable[[], Peer]]:
    """Makes peers, each with a transport of its own."""
    peers: list[Peer] = []

    def connect() -> Peer:
        peers.append(Peer(make_transport()))
        return peers[-1]

    yield connect
    await asyncio.gather(*(peer.transport.aclose() for peer in peers))


@pytest.fixture(params=["local", "local, history", "grpc", "grpc, history", "nats"])
async def make_layer(
    request: pytest.FixtureRequest, prefix: str
) -> AsyncIterator[Callable[..., BridgeChannelLayer]]:
    """Makes layers of each kind. Those over gRPC, and those over NATS, reach each other."""
    makers = {
        "local": LocalChannelLayer,
        "local, history": partial(LocalChannelLayer, history={"*": {}}),
    }
    async with layers_of(makers.get(request.param) or linked(request, prefix)) as make:
        yield make


@pytest.fixture(params=["grpc", "nats", "nats3"])
async def make_linked_layer(
    request: pytest.FixtureRequest, prefix: str
) -> AsyncIterator[Callable[..., BridgeChannelLayer]]:
    """Makes layers that reach each other: each is a process of its own, as far as others know."""
    async with layers_of(linked(request, prefix)) as make:
        yield make


def linked(request: pytest.FixtureRequest, prefix: str) -> Callable[..., BridgeChannelLayer]:
    """What makes layers of the fixture's kind."""
    if request.param.startswith("grpc"):
        address = request.getfixturevalue("shared_hub").address
        options = {"history": {"*": {}}} if "history" in request.param else {}
        return partial(
            GrpcChannelLayer, address=address, prefix=prefix, timeout=DEADLINE, **options
        )
    return partial(NatsChannelLayer, servers=nats_urls(request), prefix=prefix, timeout=DEADLINE)


@asynccontextmanager
async def layers_of(
    make: Callable[..., BridgeChannelLayer],
) -> AsyncIterator[Callable[..., BridgeChannelLayer]]:
    """Makes layers that are closed in the end, all at a time."""
    layers: list[BridgeChannelLayer] = []

    def make_layer(**options):
        layers.append(make(**options))
        return layers[-1]

    yield make_layer
    await asyncio.gather(*(layer.close() for layer in layers))


@pytest.fixture
async def make_grpc_layer(hub: HubProcess) -> AsyncIterator[Callable[..., GrpcChannelLayer]]:
    """Makes layers over gRPC: each is a process of its own, as far as the hub can tell."""
    layers = []

    def make_layer(**options):
        layers.append(GrpcChannelLayer(address=hub.address, **options))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()
