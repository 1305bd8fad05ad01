"""What is between the processes: a Redis server, or the hub."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from channels_bridge.bench.stacks.brokers import redis_server
from compat_tests.servers import START_DEADLINE, Server, wait_for


class Broker(Protocol):
    """A process that may be killed, or stopped for a while."""

    def kill(self) -> None: ...

    def restart(self) -> None:
        """Do what its init system does when it has ended."""

    def signal(self, number: signal.Signals) -> None: ...

    def memory(self) -> int:
        """The bytes that it has in memory."""


class Redis:
    """A Redis server on a unix socket, which writes what it gets into a directory.

    Args:
        directory: where; for its socket and log, too.

    Attributes:
        socket: the path that it listens on.
    """

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        self._log = directory / "redis.log"
        options = {"port": 0, "unixsocket": self.socket, "dir": directory, "appendonly": "yes"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._command = [str(redis_server()), *arguments]
        self.restart()

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
        return int(self._process().memory_info().rss)


def serves(process: psutil.Process, path: str) -> bool:
    """Whether it has the unix socket with that path open."""
    with suppress(psutil.Error):
        return any(each.laddr == path for each in process.net_connections("unix"))
    return False
