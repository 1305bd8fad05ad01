"""A TCP proxy on loopback, in a thread: passes bytes on, or changes them, or cuts off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")
Change = Callable[[bytes], Awaitable[bytes]]


async def pass_on(data: bytes) -> bytes:
    """Change nothing."""
    return data


class TcpProxy:
    """Stands before a port of this machine.

    Args:
        target: the port.
        change: makes what is passed on to the client of what came from the target; it may wait.
            What raises ``ConnectionError`` cuts the connection.
        change_back: the same for what is passed on to the target.

    Attributes:
        port: its own.
    """

    def __init__(
        self, target: int, change: Change = pass_on, change_back: Change = pass_on
    ) -> None:
        self._target = target
        self._change = change
        self._change_back = change_back
        self._is_cut = False
        self._transports: set[asyncio.WriteTransport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy")
        self._thread.start()
        self.port: int = self._call(self._listen())

    def cut(self) -> None:
        """End all connections, and accept none that lasts until ``heal()``."""
        self._is_cut = True
        self._call(self._abort_all())

    def silence(self) -> None:
        """Pass nothing on until ``heal()``, and end no connection: a cable is pulled."""
        self._call(self._hold())

    def heal(self) -> None:
        """Pass on again what comes, in new connections where they were cut."""
        self._is_cut = False
        self._call(self._go_on())

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, call: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(30)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _abort_all(self) -> None:
        for transport in self._transports:
            transport.abort()

    async def _hold(self) -> None:
        self._passes.clear()

    async def _go_on(self) -> None:
        self._passes.set()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            return writer.transport.abort()
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return writer.transport.abort()
        self._transports |= {writer.transport, there[1].transport}
        await asyncio.gather(
            self._pump(reader, there[1], self._change_back),
            self._pump(there[0], writer, self._change),
        )
        self._transports -= {writer.transport, there[1].transport}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change
    ) -> None:
        try:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    await self._passes.wait()
                    writer.write(await change(data))
                    await writer.drain()
        finally:
            writer.close()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
