"""TLS to a node: whom it trusts, whom the client trusts, and what is said where they don't."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from channels_bridge.groups.nats.client.authentication import Authentication
from channels_bridge.groups.nats.client.node_socket import NodeSocket
from channels_bridge.groups.nats.client.tls_files import TlsFiles
from compat_tests.common.cancelling import cancel_as_it_is_made, tls_server
from compat_tests.groups.authority import Authority
from compat_tests.groups.hubs import DEADLINE, soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer

Make = Callable[..., Client]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that all should trust."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that nobody should trust."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def tls(authority: Authority, more: str = "") -> str:
    """A node's configuration of TLS."""
    certificate, key = authority.sign("node")
    return f'tls {{ cert_file: "{certificate}", key_file: "{key}" {more} }}'


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[NatsServer]:
    """A node with TLS."""
    with NatsServer(tls(authority)) as server:
        yield server


@pytest.fixture(scope="module")
def strict_server(authority: Authority) -> Iterator[NatsServer]:
    """A node that wants a client's certificate, too."""
    with NatsServer(tls(authority, f', ca_file: "{authority.ca_file}", verify: true')) as server:
        yield server


def secure(server: NatsServer, host: str = "localhost") -> str:
    """The URL that demands TLS."""
    return f"tls://{host}:{server.port}"


def trusting(authority: Authority, *certificate: str) -> dict[str, Any]:
    """Options of a client that trusts an authority, and may have a certificate and a key."""
    names = ("client_cert_file", "client_key_file")
    files = TlsFiles(ca_file=authority.ca_file, **dict(zip(names, certificate, strict=False)))
    return {"make_tls": files.make_context}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_trusted(
    connect: Connect, server: NatsServer, authority: Authority, host: str
) -> None:
    """A node whose certificate is right is talked to, and nothing in clear."""
    client = await connect(secure(server, host), **trusting(authority))
    (connection,) = server.connections(client.name)
    assert connection["tls_version"] == "1.3"
    await client.subscribe("a")


async def test_wrong_authority(make_client: Make, server: NatsServer, stranger: Authority) -> None:
    """A certificate of another authority."""
    refusal = await make_client(secure(server), **trusting(stranger)).be_refused()
    assert refusal.startswith(f"the certificate of {secure(server)} can't be trusted (")
    assert refusal.endswith("): set `ca_file` to the authority that has signed it")


async def test_authorities_of_the_system(make_client: Make, server: NatsServer) -> None:
    """Without a file those of the system count, whoever asks for TLS: URL or node."""
    for url in (secure(server), server.url):
        assert "can't be trusted" in await make_client(url).be_refused()


async def test_wrong_name(make_client: Make, authority: Authority) -> None:
    """A certificate for another name."""
    with NatsServer(start=False) as other:
        other.configure(tls(authority) + f'\nlisten: "127.0.0.2:{other.port}"')
        other.start()
        client = make_client(secure(other, "127.0.0.2"), **trusting(authority))
        refusal = await client.be_refused()
    assert "can't be trusted (IP address mismatch" in refusal
    assert refusal.endswith("use a name in `servers` that the certificate is for")


async def test_node_without_tls(make_client: Make, nats_server: NatsServer) -> None:
    """Credentials are not sent in clear to a node that should have TLS, and has not."""
    identity = Authentication(token="s3cret")
    client = make_client(secure(nats_server), authentication=identity)
    assert await client.be_refused() == (
        f"{secure(nats_server)} offers no TLS: configure `tls` in the server, or write `nats://` "
        f"in `servers`"
    )


async def test_clients_certificate(
    connect: Connect, make_client: Make, strict_server: NatsServer, authority: Authority
) -> None:
    """A node that wants one gets one, and says so where there is none."""
    url = secure(strict_server)
    await connect(url, **trusting(authority, *authority.sign("client")))
    refusal = await make_client(url, **trusting(authority)).be_refused()
    assert refusal == (
        f"{url} wants a client's certificate: set `client_cert_file` and `client_key_file` in the "
        f"layer's CONFIG, to one that the authority in the server's `tls {{ ca_file }}` has signed"
    )


async def test_certificate_of_a_stranger(
    make_client: Make, strict_server: NatsServer, authority: Authority, stranger: Authority
) -> None:
    """A client's certificate of another authority; the node's alert about it may be lost."""
    options = trusting(authority, *stranger.sign("client"))
    refusal = await make_client(secure(strict_server), **options).be_refused()
    assert "accept this process' certificate" in refusal or "wants a client's" in refusal
    assert "one that the authority in the server's `tls { ca_file }` has signed" in refusal


async def test_files_are_read_again(
    make_client: Make, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """What is put into the files counts from the next link on."""
    file = tmp_path / "ca.pem"
    shutil.copy(stranger.ca_file, file)
    with NatsServer(tls(authority)) as server:
        client = make_client(secure(server), make_tls=TlsFiles(ca_file=str(file)).make_context)
        client.connection.start()
        await until(lambda: client.connection.refusal is not None)
        shutil.copy(authority.ca_file, file)
        await until(lambda: client.connection.connected)
        await client.connection.aclose()


async def test_tls_first(connect: Connect, authority: Authority) -> None:
    """A node that says nothing before TLS."""
    with NatsServer(tls(authority, ", handshake_first: true")) as server:
        client = await connect(secure(server), tls_first=True, **trusting(authority))
        await client.subscribe("a")
        await client.connection.aclose()


async def test_cancelled_as_it_is_made(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TLS comes first, too: the next one may have the number of its descriptor."""
    context = ssl.create_default_context(cafile=authority.ca_file)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with tls_server(authority) as port:
        node = NodeSocket(heard.put_nowait, lambda: None, lambda error: None)

        async def begin() -> None:
            await node.open("127.0.0.1", port, context, "localhost", DEADLINE)

        await cancel_as_it_is_made(begin, monkeypatch, NodeSocket)
        node = NodeSocket(heard.put_nowait, lambda: None, lambda error: None)
        await soon(begin())
        node.write(b"PING")
        assert await soon(heard.get()) == b"PING"
        node.close()
        await soon(node.lost)


async def test_who_begins_is_not_agreed(
    make_client: Make, authority: Authority, server: NatsServer
) -> None:
    """One waits for the other: what is said names the option."""
    with NatsServer(tls(authority, ", handshake_first: true")) as first:
        options = {**trusting(authority), "connect_timeout": 0.3}
        trouble = await make_client(secure(first), **options).be_troubled("not answered")
        assert trouble.endswith("0.3 seconds: set `tls_first` if it has `handshake_first`")
    refusal = await make_client(secure(server), tls_first=True, **options).be_refused()
    assert refusal == (
        f"{secure(server)} does not begin with TLS: remove `tls_first`, which is for servers with "
        f"`handshake_first`"
    )


async def test_names_of_a_cluster(make_client: Make, authority: Authority) -> None:
    """Nodes that INFO names by address may have a certificate for the name that was configured."""
    with NatsCluster(2, config=tls(authority)) as cluster:
        first, second = cluster.servers
        client = make_client(secure(first), **trusting(authority))
        await client.connect()
        await until(lambda: len(client.connection.info.connect_urls) == 2)
        first.kill()
        await until(lambda: client.greetings == [True, False])
        assert client.connection.info.server_name == second.name
        await client.connection.aclose()


@pytest.mark.parametrize("option", ["ca_file", "client_cert_file", "client_key_file"])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_files_that_cannot_be_used(
    make_client: Make,
    server: NatsServer,
    authority: Authority,
    tmp_path: Path,
    option: str,
    content: str | None,
) -> None:
    """The sentence names the file."""
    certificate, key = authority.sign("client")
    files = {
        "ca_file": authority.ca_file,
        "client_cert_file": certificate,
        "client_key_file": key,
        option: str(tmp_path / "file"),
    }
    if content is not None:
        (tmp_path / "file").write_text(content)
    client = make_client(secure(server), make_tls=TlsFiles(**files).make_context)
    refusal = await client.be_refused()
    assert str(tmp_path / "file") in refusal
    assert "can't be used" in refusal and "it must be PEM" in refusal
