"""Clients that talk in a room, and come back whenever their connection ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from compat_tests.chaos.journal import Journal, Record
from compat_tests.clients.json_client import JsonClient, connect

# How long anything may take before a round fails, in seconds: far more than it ever needs. A
# handshake may wait for a worker that is stopped.
DEADLINE = 90
PATIENT = {"open_timeout": DEADLINE, "close_timeout": DEADLINE}

# Seconds between two messages of a client, on average, and until it comes back.
PAUSE = 0.1
RETURN = 0.1

# Now and then a client sends so many messages at once, or a large one, of so many bytes.
BURST = 30
LARGE = 50_000
RARELY = 0.01

# So many messages of a client may be unanswered before it waits for answers.
WINDOW = 100

# Who stops reading asks for so many bytes: more than the system keeps for it.
MUCH = 20_000_000

# Messages that are sent as fast as possible: by everybody before a fault, and by who floods the
# server.
RUSH = 80
FLOOD = 3000


class Client:
    """One client, over all of its connections.

    Args:
        name: of the client.
        room: where it talks.
        address: of the server, ``host:port`` or ``unix:/path``.
        journal: where it writes down each connection.
        seed: of when it sends what.
    """

    def __init__(self, name: str, room: str, address: str, journal: Journal, seed: str) -> None:
        self.name = name
        self.record = Record(name, ended=0)
        self.room = room
        self._address = address
        self._journal = journal
        self._random = random.Random(seed)
        self._number = 0
        self._unanswered: set[int] = set()
        self._began: dict[int, float] = {}
        self._asked: dict[int, asyncio.Future[list[str]]] = {}
        self._leaving = False
        self._is_lost = asyncio.Event()
        self._lost: list[JsonClient] = []
        self._visits: list[asyncio.Task[None]] = []
        self._talks = asyncio.Event()
        self._talks.set()
        self._connection: JsonClient

    def __str__(self) -> str:
        return f"{self.record} ({self.record.outcome or 'no end yet'})"

    @property
    def is_settled(self) -> bool:
        """Whether it is in the room, and knows what became of everything that it said."""
        return self.record.is_open and not self._unanswered

    @property
    def is_listening(self) -> bool:
        """Whether it is in the room, and reads what it is sent."""
        return self.record.is_open and self._connection.is_reading

    def path(self) -> str:
        """What its next connection asks for."""
        return f"/{self.room}/{self.record.name}/"

    def decode(self, data: str | bytes) -> Any:
        """The message in what came; None where it is none."""
        return json.loads(data)

    async def run(self) -> None:
        """Be there, again and again, until it is told to say goodbye."""
        try:
            while not self._leaving:
                await self._visit_until_lost()
                await asyncio.sleep(self._random.uniform(0, 2 * RETURN))
            for connection in self._lost:
                connection.go_on_reading()
                connection.vanish()
            await asyncio.gather(*self._visits)
        finally:
            for visit in self._visits:
                visit.cancel()
            await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit_until_lost(self) -> None:
        self._is_lost.clear()
        visit = asyncio.create_task(self.visit())
        self._visits.append(visit)
        losing = asyncio.create_task(self._is_lost.wait())
        try:
            await asyncio.wait([visit, losing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            losing.cancel()
        if visit.done():
            self._visits.remove(visit)
            await visit

    async def visit(self) -> None:
        """Be there once, until the connection ends."""
        self.record = record = self._journal.begin(self.name, self.room)
        self._unanswered.clear()
        self._began.clear()
        try:
            # Not `async with`, whose end can fail where there is nothing to close: see `say()`.
            await self._stay(await connect(self._address, self.path(), **PATIENT), record)
        except InvalidStatus as error:
            record.end(f"HTTP {error.response.status_code}")
        except (InvalidMessage, ConnectionClosed, ConnectionError, FileNotFoundError):
            record.end("no response")
        except (InvalidHandshake, OSError) as error:
            record.end(repr(error))

    def quiet(self) -> None:
        """Say nothing more."""
        self._talks.clear()

    def say_goodbye(self) -> None:
        """Don't come back when this connection ends."""
        self._leaving = True

    async def leave(self) -> None:
        """Close the connection, as a page does that is left."""
        self.record.end("own will")
        await self._connection.connection.close()

    def vanish(self) -> None:
        """Be gone without a close frame, as a telephone in a tunnel."""
        self.record.end("own will")
        self._connection.vanish()

    def lose_link(self) -> None:
        """Come by another way, while the connection stays there, half open: nobody ends it."""
        self.record.end("own will")
        self._connection.stop_reading()
        self._lost.append(self._connection)
        self._is_lost.set()

    @contextlib.contextmanager
    def not_reading(self) -> Iterator[None]:
        """Read nothing meanwhile."""
        connection = self._connection
        connection.stop_reading()
        yield
        connection.go_on_reading()

    async def ask_for_much(self) -> bool:
        """Let the server send more than the system keeps. Returns whether it can be told so."""
        try:
            await self._connection.say([0, MUCH])
        except ConnectionClosed:
            return False
        return True

    async def ask_who_is_there(self) -> list[str]:
        """Return the names of those who are present in the room."""
        self._number += 1
        asked = self._asked[self._number] = asyncio.get_running_loop().create_future()
        await self._connection.say([self._number, None])
        return await asyncio.wait_for(asked, DEADLINE)

    async def rush(self) -> None:
        """Send many messages as fast as possible."""
        await self._say_many(RUSH)

    async def flood(self) -> None:
        """Send more than the server takes."""
        await self._say_many(FLOOD)

    async def _stay(self, connection: ClientConnection, record: Record) -> None:
        def decode(data: str | bytes) -> Any:
            return self.decode(data) if record is self.record else None  # else it is a lost one

        self._connection = client = JsonClient(
            connection, lambda message: self._hear(*message), decode
        )
        talking = asyncio.create_task(self._talk(record))
        try:
            await client.reading
            if record.ended is None:
                record.end(str(client.close_code))
        except BaseException:
            client.vanish()
            raise
        finally:
            talking.cancel()
            await asyncio.wait([talking])

    async def _talk(self, record: Record) -> None:
        with contextlib.suppress(ConnectionClosed):
            while record is self.record:
                await asyncio.sleep(self._random.uniform(0, 2 * PAUSE))
                await self._talks.wait()
                if self.record.is_open and len(self._unanswered) < WINDOW:
                    await self._say_something()

    async def _say_something(self) -> None:
        rare = self._random.random()
        text = "." * LARGE if rare < RARELY else "hello"
        for _ in range(BURST if rare > 1 - RARELY else 1):
            await self._say(text)

    async def _say_many(self, count: int) -> None:
        record = self.record
        with contextlib.suppress(ConnectionClosed):
            for _ in range(count):
                if record is self.record and record.is_open:
                    await self._say("hurry")

    async def _say(self, text: str) -> None:
        self._number += 1
        self._unanswered.add(self._number)
        self._began[self._number] = time.monotonic()
        await self._connection.say([self._number, text])

    def _hear(self, kind: str, *what) -> None:
        getattr(self, f"_hear_{kind}")(*what)

    def _hear_joined(self, worker: int) -> None:
        self.record.worker = worker
        self.record.joined = time.monotonic()

    def _hear_accepted(self, number: int) -> None:
        self._unanswered.discard(number)
        self.record.sent[number] = self._began.pop(number)

    def _hear_refused(self, number: int) -> None:
        self._unanswered.discard(number)
        self.record.refused.add(number)

    def _hear_said(self, sender: str, number: int) -> None:
        self.record.got.append((sender, number))

    def _hear_present(self, number: int, names: list[str]) -> None:
        self._asked.pop(number).set_result(names)

    def _hear_filler(self, _: str) -> None:
        """It was asked for."""
