"""Fixtures for groups: hubs, layers, and peers of a transport."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from channels_bridge.groups.grpc.transport import GrpcTransport
from channels_bridge.groups.local import LocalExchange, LocalTransport
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer

from .hubs import HubProcess
from .peers import Peer


@pytest.fixture
def address(socket_dir: Path) -> str:
    """The address of a socket that doesn't exist yet."""
    return f"unix:{socket_dir}/groups.sock"


@pytest.fixture
def hub(address: str) -> Iterator[HubProcess]:
    """A hub at `address`."""
    process = HubProcess(address)
    yield process
    process.close()


@pytest.fixture(params=["local", "grpc"])
def make_transport(request):
    """Makes transports that reach each other."""
    if request.param == "local":
        exchange = LocalExchange()
        return lambda: LocalTransport(exchange)
    process = request.getfixturevalue("hub")
    # Layers over gRPC have none in their tests.
    return lambda: GrpcTransport(process.address, timeout=10, prefix="app")


@pytest.fixture
async def connect(make_transport) -> AsyncIterator[Callable[[], Peer]]:
    """Makes peers, each with a transport of its own."""
    peers: list[Peer] = []

    def connect() -> Peer:
        peers.append(Peer(make_transport()))
        return peers[-1]

    yield connect
    for peer in peers:
        await peer.transport.aclose()


@pytest.fixture(params=["local", "grpc"])
async def make_layer(request):
    """Makes layers of either kind. Those over gRPC reach each other."""
    layers = []
    address = request.getfixturevalue("hub").address if request.param == "grpc" else None

    def make_layer(**options):
        if address is None:
            layers.append(LocalChannelLayer(**options))
        else:
            layers.append(GrpcChannelLayer(address=address, **options))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()


@pytest.fixture
async def make_grpc_layer(hub: HubProcess):
    """Makes layers over gRPC: each is a process of its own, as far as the hub can tell."""
    layers = []

    def make_layer(**options):
        layers.append(GrpcChannelLayer(address=hub.address, **options))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()
