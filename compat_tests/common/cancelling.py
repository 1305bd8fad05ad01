"""Cancelling what makes a connection: at each turn of the loop, and in the very moment."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from compat_tests.groups.authority import Authority
from compat_tests.groups.hubs import soon

Begin = Callable[[], Coroutine[Any, Any, Any]]


async def attempts(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, module: Any
) -> AsyncIterator[asyncio.Task[Any]]:
    """Begin again and again, and cancel that, each time a turn later than the time before.

    Turns are counted from when the module's ``connect_tcp`` has returned: how long it takes until
    then is up to a thread, which looks up the address.
    """
    is_connected, connect = asyncio.Event(), module.connect_tcp

    async def connect_and_tell(*arguments: Any) -> Any:
        sock = await connect(*arguments)
        is_connected.set()
        return sock

    monkeypatch.setattr(module, "connect_tcp", connect_and_tell)
    for turns in itertools.count():
        is_connected.clear()
        task = asyncio.create_task(begin())
        await soon(is_connected.wait())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        yield task


async def cancel_as_it_is_made(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, protocol: type[asyncio.Protocol]
) -> None:
    """Begin, and cancel that when the protocol has its connection, before the task hears of it."""
    make = protocol.connection_made

    def make_and_cancel(self: asyncio.Protocol, transport: asyncio.BaseTransport) -> None:
        make(self, transport)
        task.cancel()

    with monkeypatch.context() as patch:
        patch.setattr(protocol, "connection_made", make_and_cancel)
        task = asyncio.create_task(begin())
        await asyncio.wait([task])
    assert task.cancelled()


@contextlib.asynccontextmanager
async def tls_server(authority: Authority) -> AsyncIterator[int]:
    """Listen on 127.0.0.1, shake hands, and send back what comes. Yields the port."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.sign("server"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while data := await reader.read(65536):
                writer.write(data)

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
