"""The configuration of ``examples/nats`` does what the guide says of it, on real nodes."""

from __future__ import annotations

import gc
import json
import socket
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from compat_tests.groups.nats.example_nodes import (
    ExampleNodes,
    Project,
    example_nodes,
    linked_to,
    make_certificate,
)
from compat_tests.groups.nats.nats_py_client import flush
from compat_tests.groups.nats.nats_servers import NatsServer, choose_port
from compat_tests.servers import wait_for

DEADLINE = 30.0

#: A subject of each kind that the layer uses.
KINDS = ("g.room", "p.0a1b", "q.close", "flush", "x", "c.0a1b", "i.0a1b.1", "w.100.thumbnails")

STRANGE_NODE = """
cluster {{
  name: mysite, listen: "127.0.0.1:{port}", routes: ["{route}"]
  tls {{
    cert_file: "{directory}/node.pem", key_file: "{directory}/node.key", ca_file: "{ca_file}"
  }}
}}
"""


# nats-py leaves TLS transports open that a node has ended; Python 3.10 warns of them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Collects those transports before a test that would fail by the warning."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleNodes]:
    """The guide's single node."""
    with example_nodes(tmp_path_factory.mktemp("one"), 1) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleNodes]:
    """The guide's three nodes."""
    with example_nodes(tmp_path_factory.mktemp("three"), 3) as nodes:
        yield nodes


@pytest.fixture(params=["one_node", "three_nodes"])
def nodes(request: pytest.FixtureRequest) -> ExampleNodes:
    """Either of them."""
    found: ExampleNodes = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def connected(
    nodes: ExampleNodes, project: Project, node: int = 0
) -> AsyncIterator[tuple[Client, list[str]]]:
    """A connection as a project to one of the nodes, and what it was refused."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        nodes.urls[node],
        tls=nodes.trust(),
        nkeys_seed=str(project.seed_file),
        inbox_prefix=f"{project.name}.i.0a1b",
        name=project.name,
        error_cb=note,
    )
    try:
        yield client, refused
    finally:
        await client.close()


async def ask_who_listens(client: Client, subject: str, nodes: ExampleNodes) -> list[str]:
    """The names of the connections that listen to a subject, by what all nodes say."""
    replies = await client.subscribe(f"{client._inbox_prefix.decode()}.who")
    question = json.dumps({"filter_subject": subject, "limit": 1024}).encode()
    await client.publish("$SYS.REQ.ACCOUNT.PING.CONNZ", question, reply=replies.subject)
    names = []
    for _ in nodes.servers:
        reply = json.loads((await replies.next_msg(DEADLINE)).data)
        names += [connection["name"] for connection in reply["data"]["connections"]]
    return names


async def test_permissions_suffice_for_groups(nodes: ExampleNodes) -> None:
    """The project may publish and hear each kind of subject, and may ask who listens."""
    async with connected(nodes, nodes.mysite) as (client, refused):
        for kind in KINDS:
            subscription = await client.subscribe(f"mysite.{kind}")
            await client.publish(f"mysite.{kind}", b"hello")
            assert (await subscription.next_msg(DEADLINE)).data == b"hello"
        assert await ask_who_listens(client, "mysite.g.room", nodes) == ["mysite"]
    assert refused == []


async def test_permissions_suffice_for_queues(nodes: ExampleNodes) -> None:
    """The project may make its stream, put a message in, take it out and give it back."""
    async with connected(nodes, nodes.mysite) as (client, refused):
        jetstream = client.jetstream(timeout=DEADLINE)
        await jetstream.add_stream(stream_of("mysite", len(nodes.servers)))
        await jetstream.publish("mysite.w.100.thumbnails", b"7", headers={"Nats-TTL": "60s"})
        puller = await jetstream.pull_subscribe("mysite.w.>", durable="thumbnails")
        (message,) = await puller.fetch(1, timeout=DEADLINE)
        await message.nak()
        (message,) = await puller.fetch(1, timeout=DEADLINE)
        await message.ack_sync(DEADLINE)
        assert message.data == b"7"
        await jetstream.delete_stream("mysite-queues")
    assert refused == []


def stream_of(project: str, replicas: int) -> StreamConfig:
    """A project's named queues."""
    return StreamConfig(
        name=f"{project}-queues",
        subjects=[f"{project}.w.>"],
        storage=StorageType.MEMORY,
        retention=RetentionPolicy.WORK_QUEUE,
        num_replicas=replicas,
        allow_msg_ttl=True,
    )


async def test_strangers_are_refused(nodes: ExampleNodes) -> None:
    """Another project can neither hear nor send what is this one's: the node says no."""
    async with (
        connected(nodes, nodes.mysite) as (mysite, _),
        connected(nodes, nodes.other) as (other, refused),
    ):
        heard = await mysite.subscribe("mysite.g.room")
        for subject in "mysite.g.room", "mysite.>", ">":
            await other.subscribe(subject)
        await other.publish("mysite.g.room", b"from a stranger")
        await flush(other)
        await mysite.publish("mysite.g.room", b"private")
        assert (await heard.next_msg(DEADLINE)).data == b"private"
        assert heard.pending_msgs == 0
        assert [text.lower().partition("violation for ")[2] for text in refused] == [
            f'subscription to "{subject}"' for subject in ("mysite.g.room", "mysite.>", ">")
        ] + ['publish to "mysite.g.room"']


async def test_accounts_are_apart(nodes: ExampleNodes) -> None:
    """Another project sees neither connections nor queues of this one, whatever it may ask."""
    async with (
        connected(nodes, nodes.mysite) as (mysite, _),
        connected(nodes, nodes.other) as (other, refused),
    ):
        jetstream = mysite.jetstream(timeout=DEADLINE)
        await jetstream.add_stream(stream_of("mysite", len(nodes.servers)))
        await mysite.subscribe("mysite.g.room")
        await other.subscribe("other.g.room")
        await flush(mysite)
        assert await ask_who_listens(other, "mysite.g.room", nodes) == []
        assert await other.jetstream(timeout=DEADLINE).streams_info() == []
        await jetstream.delete_stream("mysite-queues")
    assert refused == []


async def test_strangers_do_not_get_in(one_node: ExampleNodes, tmp_path: Path) -> None:
    """Without a seed that the node knows nobody is served."""
    for project in Project(tmp_path, "mysite"), None:
        with pytest.raises(Error, match="Authorization Violation"):
            await nats.connect(
                one_node.urls[0],
                tls=one_node.trust(),
                nkeys_seed=str(project.seed_file) if project else None,
                allow_reconnect=False,
                error_cb=ignore,
            )


async def test_a_project_is_added(one_node: ExampleNodes, tmp_path: Path) -> None:
    """A node that reads its accounts again serves the new one, and cuts nobody off."""
    third = Project(tmp_path, "third")
    async with connected(one_node, one_node.mysite) as (client, _):
        one_node.admit(third)
        async with connected(one_node, third) as (newcomer, refused):
            await newcomer.publish("third.g.room", b"hello")
            await newcomer.flush(DEADLINE)
        await client.flush(DEADLINE)
        assert (client.stats["reconnects"], refused) == (0, [])


def test_renewed_certificate(one_node: ExampleNodes) -> None:
    """A node that is told to reload shows its new certificate."""
    before = serial_number(one_node)
    one_node.renew_certificate()
    assert serial_number(one_node) != before


def serial_number(nodes: ExampleNodes) -> str:
    """That of the certificate that the first node shows."""
    with socket.create_connection(("127.0.0.1", nodes.servers[0].port), DEADLINE) as sock:
        while b"\n" not in sock.recv(4096):
            pass
        with nodes.trust().wrap_socket(sock, server_hostname="localhost") as secure:
            return str(secure.getpeercert()["serialNumber"])


async def ignore(error: Exception) -> None:
    """What nats-py would log."""


def test_tls_is_not_optional(one_node: ExampleNodes) -> None:
    """The node hangs up on a client that speaks without it."""
    with socket.create_connection(("127.0.0.1", one_node.servers[0].port), DEADLINE) as sock:
        _, _, info = sock.recv(4096).partition(b" ")
        assert json.loads(info)["tls_required"]
        sock.sendall(b"CONNECT {}\r\nPING\r\n")
        assert b"PONG" not in b"".join(iter(lambda: receive(sock), b""))


def receive(sock: socket.socket) -> bytes:
    """The next bytes, or none at the end."""
    try:
        return sock.recv(4096)
    except ConnectionResetError:
        return b""


async def test_messages_cross(three_nodes: ExampleNodes) -> None:
    """What is published on one of three nodes is heard on the others."""
    async with (
        connected(three_nodes, three_nodes.mysite, 0) as (first, _),
        connected(three_nodes, three_nodes.mysite, 2) as (third, _),
    ):
        subscription = await third.subscribe("mysite.g.room")
        await flush(third)
        end = time.monotonic() + DEADLINE
        while not subscription.pending_msgs and time.monotonic() < end:
            # The other node may learn of the subscription a moment after it is in force.
            await first.publish("mysite.g.room", b"hello")
            await flush(first)
        assert (await subscription.next_msg(DEADLINE)).data == b"hello"


def test_clients_are_told_names(three_nodes: ExampleNodes) -> None:
    """Each node tells its clients the names of all that serve, as its certificate has them."""
    names = {url.removeprefix("tls://") for url in three_nodes.urls}
    first, _, third = three_nodes.servers
    assert set(read_info(first)["connect_urls"]) == names
    third.kill()
    assert wait_for(lambda: len(read_info(first)["connect_urls"]) == 2, DEADLINE)
    third.start()
    assert wait_for(lambda: set(read_info(first)["connect_urls"]) == names, DEADLINE)


def read_info(server: NatsServer) -> dict[str, Any]:
    """What a node says of itself to whoever connects."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
        with sock.makefile("rb") as stream:
            information: dict[str, Any] = json.loads(stream.readline().partition(b" ")[2])
    return information


def test_strange_nodes_do_not_get_in(three_nodes: ExampleNodes, tmp_path: Path) -> None:
    """A node whose certificate another authority has signed gets no route."""
    make_certificate(tmp_path)
    described = STRANGE_NODE.format(
        port=choose_port(),
        route=three_nodes.routes[0],
        directory=tmp_path,
        ca_file=three_nodes.ca_file,
    )
    with NatsServer(described, name="n4") as stranger:
        first = three_nodes.servers[0]
        assert wait_for(lambda: "TLS route handshake error" in first.read_log(), DEADLINE)
        assert linked_to(stranger) == set()
        assert "n4" not in linked_to(first)


def test_what_to_watch(three_nodes: ExampleNodes) -> None:
    """The nodes' monitoring has what the guide sets alarms on."""
    server = three_nodes.servers[0]
    varz, route = server.ask("varz"), server.ask("routez")["routes"][0]
    assert varz["slow_consumers"] == 0
    assert {"clients", "routes"} <= varz["slow_consumer_stats"].keys()
    assert {"mem", "cpu", "connections", "subscriptions"} <= varz.keys()
    assert "pending_size" in route
