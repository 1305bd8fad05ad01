"""Fixtures for the client: connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.nats_servers import NatsServer

Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def make_client(nats_server: NatsServer) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients, of the shared node unless others are given; they are closed at the end."""
    clients: list[Client] = []

    def make_client(*servers: str, **options: Any) -> Client:
        clients.append(Client(servers or [nats_server.url], **options))
        return clients[-1]

    yield make_client
    await asyncio.gather(*(client.connection.aclose() for client in clients))


@pytest.fixture
def connect(make_client: Callable[..., Client]) -> Connect:
    """Makes clients that are connected."""

    async def connect(*servers: str, **options: Any) -> Client:
        client = make_client(*servers, **options)
        await client.connect()
        return client

    return connect
