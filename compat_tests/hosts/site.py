"""The sample project on two of three hosts: a whole server on each, a node of NATS on all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from channels_bridge.server.monitoring.control_socket import ask
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.hosts.namespaces import Host, switched
from compat_tests.parity.site import PROJECT
from compat_tests.servers import Server, wait_for, websockets_server

DEADLINE = 30.0

HOSTS = 3

#: How long senders keep what they sent, in seconds: the bound of what nobody misses.
KEEP_SECONDS = 10

#: Nodes give each other up sooner than by default, so that this need not take minutes.
CLUSTER = """\
cluster {{
    name: cb, listen: "{address}:6222", routes: [{routes}]
    ping_interval: "500ms", ping_max: 1, connect_backoff: false
}}
"""


class Served:
    """The project on one host.

    Args:
        host: where it runs.
        server: what serves it.
        directory: of its files.
    """

    def __init__(self, host: Host, server: Server, directory: Path) -> None:
        self.host = host
        self.server = server
        self._directory = directory

    def join(self, room: str) -> ClientConnection:
        """Have somebody on this host come into a room."""
        with self.host.inside():
            sock = self.server.connect()
        url = f"{self.server.ws_url}/room/{room}/"
        return connect(url, sock=sock, origin=self.server.url, proxy=None, open_timeout=DEADLINE)

    def missed(self) -> int:
        """How many messages its workers were told to have missed."""
        control = next(self._directory.glob("channels_bridge-*")) / f"server-{self.server.pid}.sock"
        return int(ask(control, {}, DEADLINE)["totals"]["link_missed"])


@contextmanager
def served_on_two_hosts(directory: Path) -> Iterator[list[Served]]:
    """The project on two hosts of a network of its own, until the end of the block."""
    with ExitStack() as stack:
        hosts = stack.enter_context(switched(HOSTS))
        nodes = [stack.enter_context(make_node(host, hosts)) for host in hosts]
        for host, node in zip(hosts, nodes, strict=True):
            with host.inside():
                node.start()
        for host, node in zip(hosts, nodes, strict=True):
            with host.inside():
                assert wait_for(lambda node=node: len(peers(node)) == HOSTS - 1, DEADLINE)
        urls = [node.url for node in nodes]
        yield [serve(stack, host, urls, directory / host.address) for host in hosts[:2]]


def make_node(host: Host, hosts: Sequence[Host]) -> NatsServer:
    """A node for a host, which knows the others'."""
    routes = ", ".join(f'"nats://{other.address}:6222"' for other in hosts if other is not host)
    config = CLUSTER.format(address=host.address, routes=routes)
    return NatsServer(config, name=f"n{host.address}", host=host.address, start=False)


def peers(node: NatsServer) -> set[str]:
    """The nodes that one has links to."""
    return {route["remote_name"] for route in node.ask("routez")["routes"]}


def serve(stack: ExitStack, host: Host, urls: Sequence[str], directory: Path) -> Served:
    """Serve the project on a host; what differs from one machine is CHANNEL_LAYERS."""
    directory.mkdir()
    config = {
        "servers": urls,
        "allow_unprotected_tcp": True,
        "prefix": "hosts",
        "keep_seconds": KEEP_SECONDS,
        "capacity": 10_000,
    }
    env = {
        "SAMPLE_APPS": "channels_bridge",
        "SAMPLE_DATABASE": f"{directory}/db.sqlite3",
        "SAMPLE_EVENTS": f"{directory}/events",
        "SAMPLE_RUNTIME_DIR": str(directory),
        "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }
    with host.inside():
        server = stack.enter_context(websockets_server(PROJECT, workers=2, env=env))
    return Served(host, server, directory)
