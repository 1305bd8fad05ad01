"""A hub as a real process, and what waiting for things needs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.grpc.hub.hub import serve
from channels_bridge.groups.transport_interface import GroupTransport

Result = TypeVar("Result")

ROOT = Path(__file__).parents[2]

# How long anything may take before a test fails, in seconds: far more than it ever needs.
DEADLINE = 60

ENVIRONMENT = {
    **os.environ,
    "DJANGO_SETTINGS_MODULE": "compat_tests.settings",
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "error",
}


class HubProcess:
    """``manage.py websockets_hub`` at an address. It may be killed and started again."""

    def __init__(self, address: str, *arguments: str) -> None:
        self.address = address
        self._arguments = arguments
        self._log = tempfile.TemporaryFile("a+")
        self.start()

    @property
    def history_path(self) -> Path:
        """Where a hub on a socket has its history file."""
        return Path(f"{self.address.removeprefix('unix:')}.history")

    def start(self) -> None:
        """Start it, and wait until it serves or stands by."""
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "django",
                "websockets_hub",
                "--address",
                self.address,
                *self._arguments,
            ],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"Groups hub at {self.address}\n", line

    def kill(self) -> None:
        """Give it no chance to say goodbye."""
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as a service manager does; returns its exit code."""
        return self.end(signal.SIGTERM)

    def end(self, number: signal.Signals) -> int:
        """End it by a signal; returns its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def close(self) -> None:
        """Leave nothing behind. Whatever happened, it must not have been a surprise to the hub."""
        if self.process.returncode is None:
            self.stop()
        with self._log:
            assert "Traceback" not in (log := self.read_log()), log

    def read_log(self) -> str:
        """What it has logged so far."""
        self._log.seek(0)
        return self._log.read()


@contextlib.asynccontextmanager
async def serving(address: str, credentials: Credentials = NONE) -> AsyncIterator[None]:
    """Run a hub in this process and loop."""
    stop, ready = asyncio.Event(), asyncio.Event()
    hub = asyncio.create_task(serve(address, credentials, ready=ready.set, stop=stop))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([hub, waiting], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not hub.done():
            yield
    finally:
        stop.set()
        await asyncio.wait_for(hub, DEADLINE)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        await asyncio.sleep(0.005)


async def refusal(transport: GroupTransport, words: str) -> str:
    """Ask in vain until these words say why: on a busy machine there is no answer at first."""
    text = ""
    while words not in text:
        try:
            await transport.ask("g:room", b"hello")
        except TransportUnavailable as error:
            text = str(error)
        else:
            raise AssertionError("it was answered")
    return text


async def soon(awaitable: Awaitable[Result]) -> Result:
    """Await something that must not take long."""
    return await asyncio.wait_for(awaitable, DEADLINE)
