"""A link between clients and a server that ends after any byte, in any way in which links end."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from compat_tests.clients.raw_connection import reset_when_closed

CHUNK = 2**16


class How(enum.Enum):
    """How a link ends."""

    FIN = "as when a process ends"
    RST = "as when a machine was started again"
    SILENCE = "as when a cable is pulled: nothing comes any more, and nobody is told"


class Direction(enum.Enum):
    """Whose bytes are counted."""

    UP = "from the client"
    DOWN = "from the server"


@dataclass(frozen=True)
class Cut:
    """When a connection ends: after so many bytes in one direction, and then in both."""

    direction: Direction
    after: int
    how: How


class Carried:
    """One connection on the link.

    Args:
        cut: when it ends; None for never.
    """

    def __init__(self, cut: Cut | None) -> None:
        self.cut = cut
        self.bytes = dict.fromkeys(Direction, 0)
        self.is_cut = asyncio.Event()

    def allowed(self, direction: Direction, data: bytes) -> bytes:
        """Those of some bytes that still go through."""
        cut = self.cut
        if self.is_cut.is_set():
            return b""
        if cut and cut.direction is direction:
            data = data[: cut.after - self.bytes[direction]]
        self.bytes[direction] += len(data)
        return data

    @property
    def is_due(self) -> bool:
        """Whether the last byte has come."""
        cut = self.cut
        return cut is not None and self.bytes[cut.direction] >= cut.after


class CuttableLink:
    """Carries connections to a server; the first ones end where they are told to.

    Args:
        port: of the server, on 127.0.0.1.
        cuts: for the first connection, the second and so on; None for one that lasts, as do those
            that come later.

    Attributes:
        address: where clients connect.
        carried: all connections so far.
        silent: set while a connection is open that is silent; whoever waits for it clears it.
    """

    def __init__(self, port: int, cuts: Sequence[Cut | None] = ()) -> None:
        self.address = ""
        self.carried: list[Carried] = []
        self.silent = asyncio.Event()
        self._port = port
        self._cuts = list(cuts)
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[CuttableLink]:
        """Carry connections until the end of the block."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._tasks)
            await server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = len(self.carried)
        cut = self._cuts[number] if number < len(self._cuts) else None
        carried = Carried(cut)
        self.carried.append(carried)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        pair = (writer, server_writer)
        self._writers += pair
        if carried.is_due:
            self._end(carried, pair)
        await asyncio.gather(
            self._relay(Direction.UP, reader, server_writer, carried, pair),
            self._relay(Direction.DOWN, server_reader, writer, carried, pair),
        )

    async def _relay(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        carried: Carried,
        pair: Sequence[asyncio.StreamWriter],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                writer.write(carried.allowed(direction, data))
                if carried.is_due and not carried.is_cut.is_set():
                    self._end(carried, pair)
        if not carried.is_cut.is_set():
            with contextlib.suppress(OSError):
                writer.write_eof()

    def _end(self, carried: Carried, pair: Sequence[asyncio.StreamWriter]) -> None:
        assert carried.cut is not None
        carried.is_cut.set()
        if carried.cut.how is How.SILENCE:
            self.silent.set()
            return
        for writer in pair:
            if carried.cut.how is How.RST:
                reset_when_closed(writer.get_extra_info("socket"))
            writer.close()
