"""The nodes that tests start: they come up, go, come back, and lose each other when told to."""

from __future__ import annotations

import socket

import pytest

from compat_tests.groups.nats.nats_servers import DEADLINE, NatsCluster, NatsServer
from compat_tests.groups.nats.tcp_proxy import TcpProxy
from compat_tests.servers import wait_for


def test_one_node(nats_server: NatsServer) -> None:
    """A node answers, and has JetStream."""
    assert nats_server.ask("varz")["server_name"] == "n1"
    assert "max_memory" in nats_server.ask("jsz")["config"]


def test_node_comes_back() -> None:
    """A node that was killed serves again under its address."""
    with NatsServer("max_payload: 4096") as server:
        server.restart()
        varz = server.ask("varz")
        assert (varz["port"], varz["max_payload"]) == (server.port, 4096)


def test_cluster(nats_cluster: NatsCluster) -> None:
    """All nodes have found each other."""
    assert [len(nats_cluster.linked_to(server)) for server in nats_cluster.servers] == [2, 2, 2]


def test_links_are_cut() -> None:
    """A node whose links are cut is alone until they heal, and the others keep theirs."""
    with NatsCluster(links=True) as cluster:
        first, *others = cluster.servers
        cluster.cut(first)
        assert wait_for(lambda: not cluster.linked_to(first), 30)
        # Each end of a link notices for itself that it is cut.
        assert wait_for(lambda: all(len(cluster.linked_to(server)) == 1 for server in others), 30)
        cluster.heal()
        assert len(cluster.linked_to(first)) == 2


def test_silent_link(nats_server: NatsServer) -> None:
    """Nothing passes while a link is silent, and all that was held does afterwards."""
    with TcpProxy(nats_server.port) as link:
        with socket.create_connection(("127.0.0.1", link.port), DEADLINE) as client:
            client.sendall(b"CONNECT {}\r\nPING\r\n")
            read_pong(client)  # and what CONNECT is answered with
            link.silence()
            client.sendall(b"PING\r\n")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(65536)
            link.heal()
            client.settimeout(DEADLINE)
            read_pong(client)


def read_pong(client: socket.socket) -> None:
    """Read what comes, up to a PONG."""
    received = b""
    while b"PONG" not in received:
        data = client.recv(65536)
        assert data, received
        received += data
