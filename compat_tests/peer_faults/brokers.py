"""What is between the processes: a Redis server, nodes of NATS, or the hub."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Protocol

import psutil

from channels_bridge.bench.stacks.brokers import redis_server
from compat_tests.groups.nats.nats_servers import NatsCluster, find_nats_server
from compat_tests.servers import START_DEADLINE, Server, wait_for


class Broker(Protocol):
    """A process that may be killed, or stopped for a while; or several."""

    def kill(self) -> None: ...

    def restart(self) -> None:
        """Do what its init system does when it has ended."""

    def signal(self, number: signal.Signals) -> None: ...

    def memory(self) -> int:
        """The bytes that it has in memory; 0 where the server's processes are all there is."""


class OwnBroker(Broker, Protocol):
    """One that is started beside the server.

    Attributes:
        program: what must be installed.
        places: what its layer's settings leave open -> what to write.
    """

    program: ClassVar[str]
    places: Mapping[str, str]

    def __init__(self, directory: Path) -> None: ...

    @staticmethod
    def is_at_hand() -> bool:
        """Whether the program is installed."""

    def close(self) -> None: ...


class Redis:
    """A Redis server on a unix socket, which writes what it gets into a directory.

    Args:
        directory: where; for its socket and log, too.

    Attributes:
        socket: the path that it listens on.
    """

    program = "redis-server"

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        self.places = {"socket": str(self.socket)}
        self._log = directory / "redis.log"
        options = {"port": 0, "unixsocket": self.socket, "dir": directory, "appendonly": "yes"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._command = [str(redis_server()), *arguments]
        self.restart()

    @staticmethod
    def is_at_hand() -> bool:
        return redis_server() is not None

    def restart(self) -> None:
        self.socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        if not wait_for(self.socket.exists, START_DEADLINE):
            raise RuntimeError(self._log.read_text())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def memory(self) -> int:
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


class Nodes:
    """Three nodes of NATS. What happens to one of them happens to the one with most processes.

    Args:
        directory: not needed.
    """

    program = "nats-server"

    def __init__(self, directory: Path) -> None:
        del directory
        self._cluster = NatsCluster(links=True)
        nodes = enumerate(self._cluster.servers, 1)
        self.places = {f"node {number}": node.url for number, node in nodes}
        self._victim = self._cluster.servers[0]

    @staticmethod
    def is_at_hand() -> bool:
        return find_nats_server() is not None

    def kill(self) -> None:
        self._choose()
        self._victim.kill()

    def restart(self) -> None:
        self._victim.launch()

    def signal(self, number: signal.Signals) -> None:
        if number == signal.SIGSTOP:
            self._choose()
        os.kill(self._victim.pid, number)

    def _choose(self) -> None:
        self._victim = max(self._cluster.servers, key=lambda node: len(node.connections()))

    def cut(self) -> None:
        """Break all links between them, until ``mend()``."""
        self._cluster.cut()

    def mend(self) -> None:
        """Let them be made again."""
        self._cluster.mend()

    def memory(self) -> int:
        processes = [psutil.Process(node.pid) for node in self._cluster.servers]
        return sum(int(process.memory_info().rss) for process in processes)

    def close(self) -> None:
        self._cluster.close()


class Hub:
    """The hub that ``websockets_server`` runs, and starts again by itself."""

    def __init__(self, server: Server, address: Path) -> None:
        self._server = server
        self._address = str(address)

    def _process(self) -> psutil.Process:
        """The one of the server's processes that serves the hub's address."""
        children = self._server.children()
        return next(child for child in children if serves(child, self._address))

    def kill(self) -> None:
        self._process().kill()

    def restart(self) -> None:
        """Nothing: the server does."""

    def signal(self, number: signal.Signals) -> None:
        self._process().send_signal(number)

    def memory(self) -> int:
        return 0


def serves(process: psutil.Process, path: str) -> bool:
    """Whether it has the unix socket with that path open."""
    with suppress(psutil.Error):
        return any(each.laddr == path for each in process.net_connections("unix"))
    return False
