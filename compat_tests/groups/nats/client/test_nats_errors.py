"""What a node complains of becomes a sentence that says what to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from channels_bridge.groups.nats.client.authentication import Authentication
from channels_bridge.groups.nats.client.nats_errors import (
    NatsUnavailable,
    explain_complaint,
    explain_denial,
)
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer, choose_port

Make = Callable[..., Client]

PERMISSIONS = """
authorization { users: [ { user: a, password: a, permissions: {
  publish: ["mine.>", "replies.>"], subscribe: ["mine.>", "replies.>"]
} } ] }
"""
ALLOW = "allow it in `permissions {{ {}: ... }}` of the server's user"
ACCOUNT = """
accounts {{ mysite {{ users: [ {{ user: a, password: a }} ], limits {{ {} }} }} }}
"""
IDENTITY = {"authentication": Authentication(user="a", password="a")}


async def test_permissions(connect: Connect) -> None:
    """What a user may not do is told by subject; the connection stays, and all else works."""
    with NatsServer(PERMISSIONS) as server:
        denied: list[tuple[str, str]] = []

        def note(action: str, advice: str) -> None:
            denied.append((action, advice))

        client = await connect(server.url, on_denied=note, **IDENTITY)
        await client.subscribe("mine.a", "theirs.*")
        client.connection.publish("theirs.a", b"")
        await soon(client.connection.flush(10))
        expected = [
            ("subscribe to theirs.*", ALLOW.format("subscribe")),
            ("publish to theirs.a", ALLOW.format("publish")),
        ]
        assert denied == expected
        assert client.connection.denied == dict(expected)
        assert client.greetings == [True]
        await client.connection.aclose()


async def test_request_that_is_not_allowed(connect: Connect) -> None:
    """A request fails at once, not when its time is over; another goes on."""
    with NatsServer(PERMISSIONS) as server:
        client = await connect(server.url, **IDENTITY)
        other = await connect(server.url, **IDENTITY)
        await other.subscribe("mine.a")
        allowed = asyncio.create_task(client.connection.request("mine.a", b"", timeout=30))
        with pytest.raises(NatsUnavailable) as caught:
            await soon(client.connection.request("$JS.API.INFO", b"", timeout=30))
        expected = "the node does not let this user publish to $JS.API.INFO: allow it in"
        assert str(caught.value).startswith(expected) and caught.value.refuses
        await other.receive(1)
        other.connection.publish(other.received[0][2].decode(), b"fine")
        assert (await soon(allowed)).payload == b"fine"
        await client.connection.aclose()
        await other.connection.aclose()


async def test_permissions_are_given(connect: Connect) -> None:
    """What is allowed later is in force after the next connect, without anybody asking again."""
    with NatsServer(PERMISSIONS) as server:
        client = await connect(server.url, **IDENTITY)
        await client.subscribe("theirs.*")
        assert "subscribe to theirs.*" in client.connection.denied
        server.configure(PERMISSIONS.replace("mine.>", ">"))
        server.restart()
        await until(lambda: client.greetings == [True, False])
        await soon(client.connection.flush(10))
        assert client.connection.denied == {}
        other = await connect(server.url, **IDENTITY)
        other.connection.publish("theirs.a", b"now")
        assert await client.receive(1) == [b"now"]
        await client.connection.aclose()
        await other.connection.aclose()


async def test_limit_of_subscriptions(connect: Connect) -> None:
    """A subscription that is not made for want of room is not forgotten silently."""
    with NatsServer(ACCOUNT.format("max_subs: 3")) as server:
        client = await connect(server.url, **IDENTITY)
        await client.subscribe(*"abcdef")
        advice = client.connection.denied["subscribe to more subjects"]
        assert advice.startswith("raise `max_subscriptions` of the server and the account")
        assert client.greetings == [True]
        await client.connection.aclose()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            ACCOUNT.format("max_conn: 1"),
            "the account has as many connections as it may have: raise `max_connections` of the "
            "account",
        ),
        (
            ACCOUNT.format("") + "max_connections: 1",
            "it has as many connections as it may have: raise `max_connections` of the server",
        ),
    ],
)
async def test_limit_of_connections(
    connect: Connect, make_client: Make, config: str, words: str
) -> None:
    """A process for which there is no room says whose limit it is."""
    with NatsServer(config) as server:
        client = await connect(server.url, **IDENTITY)
        assert words in await make_client(server.url, **IDENTITY).be_refused()
        await client.connection.aclose()


async def test_port_of_other_nodes(make_client: Make, nats_cluster: NatsCluster) -> None:
    """A port that is not for clients."""
    port = nats_cluster.servers[0].ask("varz")["cluster"]["cluster_port"]
    trouble = await make_client(f"127.0.0.1:{port}").be_refused()
    assert trouble == (
        f"nats://127.0.0.1:{port}: this is the port for other nodes, not for clients: use the one "
        f"after `listen`"
    )


async def test_nobody_listens(make_client: Make) -> None:
    """A port where there is nobody."""
    url = f"nats://127.0.0.1:{choose_port()}"
    trouble = await make_client(url).be_troubled("nobody")
    assert trouble == (f"nobody listens at {url}: start nats-server there, or correct `servers`")


async def test_no_such_host(make_client: Make) -> None:
    """A name that nobody has."""
    trouble = await make_client("nats://nowhere.invalid").be_troubled("no address")
    assert trouble.startswith("no address of nats://nowhere.invalid:4222 is known (")
    assert ": correct the name in `servers`" in trouble


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO {]\r\n"])
async def test_something_else_listens(make_client: Make, answer: bytes) -> None:
    """A port of something that doesn't speak NATS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        trouble = await make_client(f"127.0.0.1:{port}").be_troubled("does not speak NATS")
        assert trouble.endswith(": check the port")


async def test_nobody_greets(make_client: Make) -> None:
    """A port that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"nats://127.0.0.1:{listener.getsockname()[1]}"
        trouble = await make_client(url, connect_timeout=0.1).be_troubled("answered")
        assert trouble == f"{url} has not answered within 0.1 seconds"


async def test_larger_than_the_node_allows(connect: Connect) -> None:
    """A node that takes less than the one before says so, and is connected to again."""
    with NatsServer("max_payload: 4096") as server:
        client = await connect(server.url)
        server.configure("max_payload: 1024")
        client.connection.publish("a", bytes(4000))
        server.kill()
        await until(lambda: not client.connection.connected)
        client.connection.publish("a", bytes(4000))
        server.start()
        await until(lambda: len(client.greetings) == 3)
        await soon(client.connection.flush(10))
        await client.connection.aclose()


@pytest.mark.parametrize("url", ["", "http://a", "nats://", "nats://a:b", "nats://a/b", "ws://a:1"])
def test_urls_that_cannot_be_used(url: str) -> None:
    """An URL of something else is refused at once."""
    with pytest.raises(ValueError, match="nats://"):
        Client([url])


@pytest.mark.parametrize("secret", ["s3cret", "s3cret/1", "s3cret?", "s3cret#1", "s3cret[1"])
@pytest.mark.parametrize("scheme", ["nats://", "http://", ""])
def test_secrets_in_urls(scheme: str, secret: str) -> None:
    """Logs would show it, so it is refused, and not shown, whatever else is wrong."""
    with pytest.raises(ValueError, match="has credentials in it") as caught:
        Client([f"{scheme}me:{secret}@host"])
    assert "s3cret" not in str(caught.value)


def test_what_is_not_known() -> None:
    """A complaint that nobody has thought of is quoted, not all of it where it is long."""
    assert str(explain_complaint("n1", "Strange")) == "n1 says 'Strange'"
    assert len(str(explain_complaint("n1", "x" * 5000))) < 300
    assert explain_denial("Strange") is None
