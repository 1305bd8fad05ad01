"""A client that sees everything that a server sends, and can do what no client should.

It does no more than the scenario says. What it sees goes into `outcome`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from compat_tests.differences.limits import PATIENCE
from compat_tests.differences.recording import read
from compat_tests.servers import Server, wait_for

NOTHING = "nothing"  # no answer within the client's patience
DROPPED = "dropped"  # the end of the TCP connection, without an answer


class Client:
    """One client of one scenario.

    Args:
        name: the scenario, which is the first part of the path.
        server: what it connects to.
        record: what its applications note.

    """

    def __init__(self, name: str, server: Server, record: Path) -> None:
        self.name = name
        self.server = server
        self.record = record
        #: What was seen: status, headers, body, messages, close.
        self.outcome: dict[str, Any] = {"status": NOTHING, "messages": [], "close": None}
        self.outcome |= {"headers": {}, "subprotocol": None}
        #: Set when all other scenarios are done.
        self.others_done = asyncio.Event()
        self.others: list[Client] = []
        self.protocol = Protocol(CLIENT, state=OPEN, max_size=None)
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter | None = None

    def another(self) -> Client:
        """One more client of the same scenario."""
        self.others.append(Client(self.name, self.server, self.record))
        return self.others[-1]

    # The handshake

    async def connect(
        self,
        path: str = "/",
        *,
        headers: Sequence[tuple[str, str]] = (),
        subprotocols: str = "",
        keep: Sequence[str] = (),
        prefix: str = "",
        patience: float = PATIENCE,
    ) -> bool:
        """Make a handshake for `/name` and `path`. Returns whether it was accepted.

        Args:
            keep: response headers that belong to the outcome, and then the body does, too.
            prefix: what comes before the scenario's name.

        """
        lines = [
            f"GET {prefix}/{self.name}{path} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *(f"{name}: {value}" for name, value in headers),
            *([f"Sec-WebSocket-Protocol: {subprotocols}"] if subprotocols else []),
        ]
        await self.request("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await self.answer(keep, patience)
        return self.outcome["status"] == 101

    async def request(self, data: bytes) -> None:
        """Open a TCP connection and send bytes."""
        address = self.server.address
        if address.startswith("unix:"):
            opening = asyncio.open_unix_connection(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            opening = asyncio.open_connection(host, int(port))
        self.reader, self.writer = await opening
        self.writer.write(data)

    async def answer(self, keep: Sequence[str] = (), patience: float = PATIENCE) -> None:
        """Read the response to a handshake, with its body unless it is the acceptance."""
        with contextlib.suppress(asyncio.TimeoutError):
            self.outcome["status"] = await asyncio.wait_for(self._read_answer(keep), patience)

    async def _read_answer(self, keep: Sequence[str]) -> int | str:
        try:
            status, headers = await self._read_head()
            body = b"" if status == 101 else await self._read_body(headers)
        except (asyncio.IncompleteReadError, ConnectionError):
            return DROPPED
        self.outcome["headers"] = {name: headers.get(name) for name in keep}
        if keep:
            self.outcome["body"] = body.decode("latin-1")
        self.outcome["subprotocol"] = headers.get("sec-websocket-protocol")
        return status

    async def noted(self, aspect: str) -> None:
        """Wait until the scenario's application has noted something of that aspect."""

        def has_noted() -> bool:
            return aspect in dict(read(self.record).get(self.name, []))

        await asyncio.to_thread(wait_for, has_noted, PATIENCE)

    async def _read_head(self) -> tuple[int, dict[str, str]]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return int(first.split()[1]), headers

    async def _read_body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.read()
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readuntil(b"\r\n")
        return body

    # Messages

    async def send(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(message, str):
                self.protocol.send_text(message.encode())
            else:
                self.protocol.send_binary(message)
        await self._flush()

    async def send_frame(self, opcode: Opcode, data: bytes, fin: bool = True) -> None:
        """Send any frame."""
        await self.write(Frame(opcode, data, fin).serialize(mask=True))

    async def write(self, data: bytes) -> None:
        """Send any bytes."""
        assert self.writer is not None
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, count: int = 1) -> list[str | bytes]:
        """Wait for messages. Returns those that came before the end, or the end of patience."""
        messages = self.outcome["messages"]
        until = len(messages) + count
        await self._read_until(lambda: len(messages) >= until)
        return messages[until - count :]

    async def closed(self, patience: float = PATIENCE) -> None:
        """Wait for the end of the connection."""
        if not await self._read_until(lambda: self.outcome["close"] is not None, patience):
            self.outcome["close"] = NOTHING

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close as a client should, and wait for the answer."""
        self.protocol.send_close(code, reason)
        await self._flush()
        await self.closed()

    async def abort(self) -> None:
        """Drop the TCP connection."""
        assert self.writer is not None
        sock = self.writer.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def leave(self) -> None:
        """Give up what is still open, at the scenario's end."""
        for client in (self, *self.others):
            if client.writer is not None:
                client.writer.transport.abort()
                with contextlib.suppress(ConnectionError):
                    await client.writer.wait_closed()

    async def _flush(self) -> None:
        assert self.writer is not None
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def _read_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Read until `condition()`, the end of the connection, or the end of patience."""

        async def read() -> None:
            while not condition() and self.outcome["close"] is None:
                await self._read()

        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(read(), patience)
        return condition()

    async def _read(self) -> None:
        try:
            data = await self.reader.read(2**16)
        except ConnectionError:
            data = b""
        if not data:
            self.outcome["close"] = DROPPED
            return
        self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            self._see(frame)
        await self._flush()

    def _see(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self.outcome["messages"].append(bytes(frame.data).decode())
        elif frame.opcode is Opcode.BINARY:
            self.outcome["messages"].append(f"bytes {bytes(frame.data).decode('latin-1')}")
        elif frame.opcode is Opcode.CLOSE:
            close = Close.parse(bytes(frame.data))
            self.outcome["close"] = [close.code, close.reason]
