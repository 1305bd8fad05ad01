"""Writing to a transport: joined writes, backpressure, and the write timeout."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from channels_bridge.server.websocket.write_timeout import StallWatch

#: Bytes in the write buffer beyond which an application's ``send()`` waits for the client to read.
WRITE_HIGH_WATER = 2**16

#: Bytes that wait for what may be written next, so that one system call takes both.
JOIN_LIMIT = 2**14


class NextRound:
    """Flushes the joined writes of all writers of an event loop, in its next round.

    The flushes of a thousand writers, whose connections are members of one group, are one callback
    to the loop. Belongs to the running loop.
    """

    __slots__ = ("_writers",)

    def __init__(self) -> None:
        self._writers: list[Writer] = []

    def add(self, writer: Writer) -> None:
        """Flush a writer in the next round, once for each time that it is added."""
        if not self._writers:
            asyncio.get_running_loop().call_soon(self._flush)
        self._writers.append(writer)

    def _flush(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.flush()


class Writer:
    """Writes to the transport of one connection. It knows no state, no protocol, no application.

    Data is joined with what follows where the caller expects that more will: a system call takes
    several times as long as all else that a message needs.

    Args:
        transport: takes the bytes. Its buffer's high-water mark is set here.
        next_round: shared by all writers of the running loop.

    Attributes:
        is_full: whether an application has to wait for ``room`` before it sends more.
    """

    __slots__ = ("_joined", "_next_round", "_room", "_stall", "is_full", "transport")

    def __init__(self, transport: asyncio.Transport, next_round: NextRound) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(WRITE_HIGH_WATER)
        self._next_round = next_round
        self._joined = b""  # to be written in this round of the loop
        # Not a property: it is asked for each message, and each member of a group.
        self.is_full = False
        self._room: asyncio.Future[None] | None = None  # to wait for while it is full
        self._stall: StallWatch | None = None  # while the buffer is full

    @property
    def unsent(self) -> int:
        """Bytes that neither the client has read nor the system has taken."""
        return self.transport.get_write_buffer_size() + len(self._joined)

    # Writing

    def write(self, data: bytes, *, more: bool = False) -> None:
        """Write data behind what was joined before.

        Args:
            data: bytes of the wire.
            more: whether more will probably follow in this round of the loop. Then the data waits
                for that, up to ``JOIN_LIMIT`` bytes, and is written at the round's end.
        """
        if self._joined:
            data = self._joined + data  # in order, and this writer waits for the round already
        elif more:
            self._next_round.add(self)
        # Beyond the limit a copy costs more than the system call that it saves.
        if more and len(data) <= JOIN_LIMIT:
            self._joined = data
        else:
            self._joined = b""
            self.transport.write(data)

    def write_all(self, chunks: Iterable[bytes]) -> None:
        """Write what a protocol of ``websockets`` has to say.

        An empty chunk is its mark for the end of the stream.
        """
        for data in chunks:
            if data:
                self.write(data)
            else:
                self.half_close()

    def flush(self) -> None:
        """Write what waits to be joined, if there is anything."""
        data, self._joined = self._joined, b""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def half_close(self) -> None:
        """End the server's side of the stream only.

        Closing the socket with bytes unread would reset the connection, and could take the close
        frame or the response with it (RFC 6455, 7.1.1; RFC 9112, 9.6).
        """
        self.flush()
        if not self.transport.can_write_eof():  # TLS has no half-closed streams
            self.transport.close()
        elif not self.transport.is_closing():
            with contextlib.suppress(OSError, RuntimeError):  # gone already; uvloop's RuntimeError
                self.transport.write_eof()

    def drop(self) -> None:
        """The connection is lost, and what waits with it."""
        self._joined = b""
        self.stop_watch()

    # Backpressure

    async def room(self) -> None:
        """Wait until the client has read, or until ``release``."""
        while self._room is not None:  # again, as others who waited may have been faster
            # Shielded, because all who wait share the future, and one of them may be cancelled.
            await asyncio.shield(self._room)

    def pause(self, timeout: float, overdue: Callable[[], None]) -> None:
        """The buffer has reached the high-water mark.

        Args:
            timeout: seconds that the client may read nothing for; 0 is for ever.
            overdue: called once when they are over.
        """
        self._stall = StallWatch(self.transport, timeout, overdue)
        self._stall.start()
        self.is_full = True
        self._room = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        """The buffer has fallen to the low-water mark."""
        self.stop_watch()
        self.release()

    def release(self) -> None:
        """Let those go on who wait for room, whether there is any or not."""
        self.is_full = False
        if self._room is not None:
            self._room.set_result(None)
            self._room = None

    @property
    def is_watched(self) -> bool:
        """Whether the buffer is full and the write timeout runs."""
        return self._stall is not None and self._stall.is_watching

    def stop_watch(self) -> None:
        """End the write timeout: there is room again, or another timeout holds from now on."""
        if self._stall is not None:
            self._stall.stop()
            self._stall = None
