"""Which nodes a connection goes to, of those that it was told of."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.groups.nats.client.server_pool import ServerAddress, ServerPool
from compat_tests.groups.hubs import until
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.client.fake_node import fake_node, greet

FAR, NEAR = "192.0.2.1:4222", "127.0.0.1:4223"


def take_all(pool: ServerPool) -> dict[str, str]:
    """By address: who its certificate must be for."""
    servers: list[ServerAddress] = [pool.take() for _ in range(len(pool))]
    return {str(server): server.certificate_name for server in servers}


@pytest.mark.parametrize(
    ("url", "is_private", "known"),
    [
        ("nats://127.0.0.1", False, {"nats://127.0.0.1:4222", f"nats://{NEAR}"}),
        ("nats://localhost", True, {"nats://localhost:4222", f"nats://{NEAR}", f"nats://{FAR}"}),
        ("tls://localhost", False, {"tls://localhost:4222", f"tls://{NEAR}", f"tls://{FAR}"}),
    ],
)
def test_other_machines_are_not_gone_to_in_clear(
    url: str, is_private: bool, known: set[str]
) -> None:
    """A node that INFO names gets the credentials, too: on other machines only where TLS is used.

    Or where whoever runs the project has said that the network is private.
    """
    pool = ServerPool([url], start=0, allow_unprotected_tcp=is_private)
    left_out = pool.learn([NEAR, FAR], pool.take())
    assert set(take_all(pool)) == known
    assert [str(server) for server in left_out] == [
        server for server in [f"nats://{FAR}"] if server not in known and url.startswith("nats")
    ]


@pytest.mark.parametrize(
    ("url", "name"),
    [("tls://nats.example.org", "nats.example.org"), ("tls://192.0.2.7", "192.0.2.1")],
)
def test_names_in_certificates(url: str, name: str) -> None:
    """A node that is known by its address may show the name that was configured, if there is one.

    Another's address it can't have.
    """
    pool = ServerPool([url], start=0)
    pool.learn([FAR], pool.take())
    assert take_all(pool)[f"tls://{FAR}"] == name


async def test_nodes_that_are_left_out_are_told_once(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Who wonders why there is no other node to go to finds a line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer, f'"connect_urls": ["{FAR}"]')
        await reader.readuntil(b"PING\r\n")  # the link is in use
        writer.write(f'INFO {{"connect_urls": ["{FAR}"]}}\r\n'.encode())
        await reader.read()

    async with fake_node(serve) as url:
        client = await connect(url, ping_interval=0.02)
        await until(lambda: client.changes == 1)
        await client.connection.aclose()
    lines = [record.message for record in caplog.records if FAR in record.message]
    assert lines == [
        f"nats://{FAR} is on another machine, and not used without TLS: write tls:// before "
        f"`servers`, or `allow_unprotected_tcp` where the network is private"
    ]
