"""Admission control across workers: they ask the ledger in their supervisor in each handshake.

A worker asks in lines on a unix socket: ``+`` and an address to claim a place for a connection,
which is answered by ``y`` or ``n``, in order; ``-`` and the address to give it back. What a worker
holds is given back when its connection to the ledger ends.

Answers come in the order of the claims, so neither needs a number; the package's docstring has why
this does not go over ``questions``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import socket
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator
from functools import partial
from typing import cast

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.unix_sockets import MAX_PATH
from channels_bridge.server.admission import Admission, Decided, Ledger, limits_addresses
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listening_socket import listen_privately
from channels_bridge.server.socket_renewal import serving_always

#: The name of the ledger's directory and socket.
LEDGER = "ledger"


def with_ledger(config: ServerConfig) -> ServerConfig:
    """The configuration for workers, with the path of the ledger's socket if they need one.

    Raises:
        StartupError: there is no directory for it.
    """
    if not limits_addresses(config):
        return config
    for base in (config.runtime_dir or None, None):
        path = os.path.join(_make_directory(base), f"{LEDGER}.sock")
        if len(os.fsencode(path)) <= MAX_PATH:
            return dataclasses.replace(config, ledger=path)
        os.rmdir(os.path.dirname(path))
    raise StartupError(
        f"limits per client address need a socket, and {path} is too long for one: set "
        "WEBSOCKET_RUNTIME_DIR, or TMPDIR in the environment, to a directory with a shorter path"
    )


def _make_directory(base: str | None) -> str:
    """Make a directory of mode 0700: else a stranger could claim places for any address."""
    try:
        return tempfile.mkdtemp(prefix=f"{LEDGER}-{os.getpid()}-", dir=base)
    except OSError as error:
        raise StartupError(f"limits per client address need a socket: {error}") from None


@contextlib.asynccontextmanager
async def serving_ledger(config: ServerConfig) -> AsyncIterator[None]:
    """Answer the workers, in the supervisor, until the block ends."""
    if not config.ledger:
        yield
        return
    ledger = Ledger(config)

    async def listen(sock: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(partial(_serve, ledger), sock=sock)

    try:
        listener = listen_privately(config.ledger)
        async with serving_always([listener], listen):
            yield
    finally:
        shutil.rmtree(os.path.dirname(config.ledger), ignore_errors=True)


async def _serve(
    ledger: Ledger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    held: Counter[str] = Counter()  # by this worker; it may be killed before it gives back
    try:
        with contextlib.suppress(OSError):  # the worker was killed
            while line := await reader.readline():
                writer.write(_answer(line, ledger, held))
    finally:
        for address in held.elements():
            ledger.release(address)
        writer.close()


def _answer(line: bytes, ledger: Ledger, held: Counter[str]) -> bytes:
    """Do what a worker's line asks for. Returns the answer: to a claim, ``y`` or ``n``."""
    claims, address = line.startswith(b"+"), line[1:-1].decode()
    granted = claims and ledger.grant(address)
    if claims:
        held[address] += granted
    else:
        ledger.release(address)
        held[address] -= 1
    if not held[address]:
        del held[address]
    return (b"y" if granted else b"n") if claims else b""


@contextlib.asynccontextmanager
async def asking(config: ServerConfig) -> AsyncIterator[Admission | None]:
    """The admission that a worker's connections ask, until the block ends; None: no limits."""
    if not config.ledger:
        yield None
        return
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    keep_from_children(sock)
    await loop.sock_connect(sock, config.ledger)
    _, admission = await loop.create_unix_connection(Asking, sock=sock)
    try:
        yield admission
    finally:
        admission.close()


class Asking(asyncio.Protocol):
    """A worker's end.

    Without a supervisor a worker is about to end, and what it asks is granted: to refuse clients
    would help nobody.
    """

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport
        self._waiting: deque[Decided] = deque()
        self._lost = False

    def claim(self, address: str, decided: Decided) -> None:
        """Ask the ledger; ``decided`` hears the answer, at once where there is no supervisor."""
        if self._lost:
            decided(True)
            return
        self._waiting.append(decided)
        self._transport.write(f"+{address}\n".encode())

    def release(self, address: str) -> None:
        if not self._lost:
            self._transport.write(f"-{address}\n".encode())

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        for answer in data:
            self._waiting.popleft()(answer == ord("y"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        while self._waiting:
            self._waiting.popleft()(True)
