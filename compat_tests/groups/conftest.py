"""Fixtures for groups: hubs, layers, and peers of a transport."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.local_transport import LocalExchange, LocalTransport
from channels_bridge.groups.transport_interface import GroupTransport
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
from compat_tests.groups.hubs import HubProcess
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


@pytest.fixture(params=["local", "grpc"])
def make_transport(request: pytest.FixtureRequest, prefix: str) -> Callable[[], GroupTransport]:
    """Makes transports that reach each other."""
    if request.param == "local":
        exchange = LocalExchange()
        return lambda: LocalTransport(exchange)
    process = request.getfixturevalue("shared_hub")
    return lambda: GrpcTransport(process.address, timeout=10, prefix=prefix)


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
    for peer in peers:
        await peer.transport.aclose()


@pytest.fixture(params=["local", "grpc"])
async def make_layer(
    request: pytest.FixtureRequest, prefix: str
) -> AsyncIterator[Callable[..., BridgeChannelLayer]]:
    """Makes layers of either kind. Those over gRPC reach each other."""
    layers: list[BridgeChannelLayer] = []
    grpc = request.param == "grpc"
    address = request.getfixturevalue("shared_hub").address if grpc else None

    def make_layer(**options):
        if address is None:
            layers.append(LocalChannelLayer(**options))
        else:
            layers.append(GrpcChannelLayer(address=address, prefix=prefix, **options))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()


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
