"""One client: its connections, one after another, and what came on them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from compat_tests.clients.json_client import connect
from compat_tests.resume.jitter.arrivals import OPENED, Happening
from compat_tests.resume.jitter.profile import Profile
from compat_tests.resume.jitter.speakers import Speaker

# How long a handshake may take, in seconds, and how soon a refused client tries again.
PATIENCE = 30
AGAIN = 0.5


class Page:
    """A client on a bad network.

    Args:
        address: of the server, ``host:port``.
        speaker: its protocol.
        profile: how bad the network is.
        chance: when it breaks.

    Attributes:
        happenings: as ``arrivals`` judges them.
        is_there: whether it has a connection.
    """

    def __init__(
        self, address: str, speaker: Speaker, profile: Profile, chance: random.Random
    ) -> None:
        self.happenings: list[Happening] = []
        self.is_there = asyncio.Event()
        self._address = address
        self._speaker = speaker
        self._profile = profile
        self._chance = chance
        self._calm = asyncio.Event()

    def calm_down(self) -> None:
        """The network is a good one from now on."""
        self._calm.set()

    async def run(self) -> None:
        """Be there, with interruptions, until cancelled."""
        while True:
            try:
                async with connect(
                    self._address,
                    self._speaker.path(),
                    open_timeout=PATIENCE,
                    origin=f"http://{self._address}",
                ) as connection:
                    await self._stay(connection)
            except (InvalidHandshake, InvalidMessage, OSError, EOFError, asyncio.TimeoutError):
                pass  # the server is not there, or has no place: it comes again
            await self._be_away()

    async def _stay(self, connection: ClientConnection) -> None:
        self._note(OPENED)
        self.is_there.set()
        cutting = asyncio.create_task(self._cut(connection))
        try:
            await self._read(connection)
        finally:
            self.is_there.clear()
            cutting.cancel()
            await asyncio.wait([cutting])

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in connection:
                for meaning in self._speaker.hear(data):
                    if isinstance(meaning, str):
                        await connection.send(meaning)
                    else:
                        self._note(meaning)

    async def _cut(self, connection: ClientConnection) -> None:
        """End the connection after a while, as a network does: without a word."""
        seconds = self._around(self._profile.online)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._calm.wait(), seconds)
            return
        connection.transport.abort()

    async def _be_away(self) -> None:
        away = AGAIN if self._calm.is_set() else self._around(self._profile.offline)
        await asyncio.sleep(away)

    def _around(self, seconds: float) -> float:
        return self._chance.uniform(0.5, 1.5) * seconds

    def _note(self, number: int) -> None:
        self.happenings.append((time.monotonic(), number))
