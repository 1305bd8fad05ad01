"""A client that sees everything that a server sends, and can do what no client should.

It does no more than the scenario says. What it sees goes into ``outcome``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Opcode
from websockets.http11 import Response

from compat_tests.clients.dialogue import Dialogue
from compat_tests.clients.raw_bytes import frame, handshake
from compat_tests.clients.raw_connection import RawConnection
from compat_tests.differences.limits import PATIENCE
from compat_tests.differences.recording import plain, read
from compat_tests.servers import Server, wait_for

NOTHING = "nothing"  # no answer within the client's patience
DROPPED = "dropped"  # the end of the TCP connection, without an answer

PROTOCOL = "sec-websocket-protocol"


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
        self.dialogue = Dialogue()
        self.connection: RawConnection | None = None

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
        """Make a handshake for ``/name`` and ``path``. Returns whether it was accepted.

        Args:
            keep: response headers that belong to the outcome, and then the body does, too.
            prefix: what comes before the scenario's name.
        """
        lines = [f"{name}: {value}" for name, value in headers]
        lines += [f"Sec-WebSocket-Protocol: {subprotocols}"] if subprotocols else []
        await self.request(handshake(f"{prefix}/{self.name}{path}", *lines))
        await self.answer(keep, patience)
        return self.outcome["status"] == 101

    async def request(self, data: bytes) -> None:
        """Open a connection and send bytes."""
        self.connection = await RawConnection(self.server.address, deadline=None).open()
        self.connection.write(data)

    async def answer(self, keep: Sequence[str] = (), patience: float = PATIENCE) -> None:
        """Read the response to a handshake, with its body unless it is the acceptance."""
        with contextlib.suppress(asyncio.TimeoutError):
            self.outcome["status"] = await asyncio.wait_for(self._read_answer(keep), patience)

    async def _read_answer(self, keep: Sequence[str]) -> int | str:
        try:
            response = await self._read_response()
        except (EOFError, ConnectionError):
            return DROPPED
        except InvalidHandshake as error:
            return repr(error)
        headers = {name: response.headers.get_all(name) for name in {*keep, PROTOCOL}}
        joined = {name: ", ".join(values) if values else None for name, values in headers.items()}
        self.outcome["headers"] = {name: joined[name] for name in keep}
        if keep:
            self.outcome["body"] = response.body.decode("latin-1")
        self.outcome["subprotocol"] = joined[PROTOCOL]
        return response.status_code

    async def _read_response(self) -> Response:
        """Read to its end and no further: frames that come behind it are for later."""
        dialogue = self.dialogue
        dialogue.take(await self._open.read_until(b"\r\n\r\n"))
        while dialogue.response is None and dialogue.handshake_exc is None:
            dialogue.take(await self._open.read_some())
        error = dialogue.handshake_exc
        if error is not None and not isinstance(error, InvalidStatus):
            raise error.__cause__ if isinstance(error.__cause__, EOFError) else error
        assert dialogue.response is not None
        return dialogue.response

    @property
    def _open(self) -> RawConnection:
        assert self.connection is not None
        return self.connection

    async def noted(self, aspect: str) -> None:
        """Wait until the scenario's application has noted something of that aspect."""

        def has_noted() -> bool:
            return aspect in dict(read(self.record).get(self.name, []))

        await asyncio.to_thread(wait_for, has_noted, PATIENCE)

    # Messages

    async def send(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(message, str):
                self.dialogue.send_text(message.encode())
            else:
                self.dialogue.send_binary(message)
        await self._flush()

    async def send_frame(self, opcode: Opcode, data: bytes, fin: bool = True) -> None:
        """Send any frame."""
        await self.write(frame(opcode, data, fin=fin))

    async def write(self, data: bytes) -> None:
        """Send any bytes."""
        self._open.write(data)
        await self._open.drain()

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
        self.dialogue.send_close(code, reason)
        await self._flush()
        await self.closed()

    async def abort(self) -> None:
        """Drop the TCP connection."""
        self._open.reset()
        await asyncio.sleep(0)

    async def leave(self) -> None:
        """Give up what is still open, at the scenario's end."""
        for client in (self, *self.others):
            if client.connection is not None:
                client.connection.abort()
                await client.connection.close()

    async def _flush(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.write(b"".join(self.dialogue.data_to_send()))

    async def _read_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Read until ``condition()``, the end of the connection, or the end of patience."""

        async def read() -> None:
            while not condition() and self.outcome["close"] is None:
                await self._read()

        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(read(), patience)
        return condition()

    async def _read(self) -> None:
        try:
            data = await self._open.read_some()
        except ConnectionError:
            data = b""
        self.outcome["messages"] += map(plain, self.dialogue.take(data))
        if self.dialogue.close_rcvd is not None:
            self.outcome["close"] = [self.dialogue.close_rcvd.code, self.dialogue.close_rcvd.reason]
        elif not data:
            self.outcome["close"] = DROPPED
        await self._flush()
