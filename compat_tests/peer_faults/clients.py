"""Who is connected, and who sends."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection

from compat_tests.clients.json_client import JsonClient, connect
from compat_tests.clients.raw_connection import RawConnection

PATIENCE = 10.0  # seconds for what takes a moment where nothing is broken
RATE = 20  # messages a second


class Member(JsonClient):
    """A client in the group, and what it has got.

    Attributes:
        pid: the process that serves it.
        channel: its consumer's name.
        got: how often each message came, by number.
    """

    def __init__(self, connection: ClientConnection, pid: int, channel: str) -> None:
        super().__init__(connection, self._take)
        self.pid = pid
        self.channel = channel
        self.got: Counter[int] = Counter()
        self.echoes: asyncio.Queue[object] = asyncio.Queue()

    @classmethod
    async def join(cls, address: str, timeout: float = PATIENCE) -> Member:
        """Connect, and wait until the consumer is in the group."""
        connection = await connect(address, "/member/", open_timeout=timeout)
        try:
            hello = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE))
        except BaseException:
            connection.transport.abort()
            raise
        return cls(connection, hello["pid"], hello["channel"])

    def _take(self, content: dict[str, Any]) -> None:
        if "echo" in content:
            self.echoes.put_nowait(content["echo"])
        else:
            self.got[content["number"]] += 1

    async def ask(self, do: str, **content: object) -> None:
        """Have the consumer do something."""
        await self.say({"do": do, **content})

    async def echo(self) -> float:
        """Return how many seconds its consumer takes to answer."""
        began = time.monotonic()
        await self.ask("echo", echo=began)
        while await asyncio.wait_for(self.echoes.get(), 3 * PATIENCE) != began:
            pass
        return time.monotonic() - began

    async def leave(self) -> None:
        """Go, as a page that is closed; if the server takes long, do not wait."""
        if self.is_open:
            try:
                await asyncio.wait_for(self.connection.close(), 1)
            except asyncio.TimeoutError:
                self.vanish()
        await asyncio.wait([self.reading], timeout=PATIENCE)


async def get(address: str, path: str, **query: object) -> str:
    """Ask for a page, on a connection of its own.

    Raises:
        Refused: the status is not 200.
        OSError: there was no connection, or no whole answer.
        asyncio.TimeoutError: nor was there one in twice ``PATIENCE``.
    """
    request = f"GET {path}?{urlencode(query)} HTTP/1.1\r\nHost: {address}\r\nConnection: close"
    async with RawConnection(address, 2 * PATIENCE) as connection:
        answer = (await connection.request(f"{request}\r\n\r\n".encode())).decode()
    head, _, body = answer.partition("\r\n\r\n")
    if not head:
        raise ConnectionError("no answer")
    status = head.split()[1]
    if status != "200":
        raise Refused(body if status == "503" else f"HTTP {status}")
    return body


class Refused(Exception):
    """A page that says that it didn't do what it should."""


class Publisher:
    """Sends to the group: ``RATE`` messages a second, each by a request of its own.

    Attributes:
        published: the numbers of messages whose request was answered well.
        refused: how often what else happened.
    """

    def __init__(self, address: str, numbers: Iterator[int]) -> None:
        self.published: list[int] = []
        self.refused: Counter[str] = Counter()
        self._address = address
        self._numbers = numbers
        self._requests: set[asyncio.Task[None]] = set()
        self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        for number in self._numbers:
            self._requests.add(asyncio.create_task(self._publish(number)))
            await asyncio.sleep(1 / RATE)

    async def _publish(self, number: int) -> None:
        try:
            await get(self._address, "/publish/", number=number)
        except (OSError, Refused, asyncio.TimeoutError) as error:
            self.refused[str(error) or type(error).__name__] += 1
        else:
            self.published.append(number)

    async def finish(self) -> None:
        """Send nothing more, and wait for what is under way."""
        self._sending.cancel()
        await asyncio.gather(*self._requests)
