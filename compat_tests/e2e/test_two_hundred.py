"""The examples with 200 clients at once: nobody misses a word, or hears one twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from urllib.request import urlopen

from websockets.asyncio.client import ClientConnection, connect

from compat_tests.servers import Server

ROOMS = 20
MEMBERS = 10
DEADLINE = 60


class Barrier:
    """Everybody waits until everybody is here (``asyncio.Barrier`` is of Python 3.11)."""

    def __init__(self, parties: int) -> None:
        self.missing = parties
        self.complete = asyncio.Event()

    async def wait(self) -> None:
        """Be here, and wait for those who are not."""
        self.missing -= 1
        if not self.missing:
            self.complete.set()
        await self.complete.wait()


class Member:
    """One page in a room; what it hears is counted until everybody has heard everything."""

    def __init__(self, room: str, name: str) -> None:
        self.room = room
        self.name = name
        self.worker = None
        self.heard: Counter[str] = Counter()
        self.welcomed = asyncio.Event()
        self.satisfied = asyncio.Event()

    async def listen(self, socket: ClientConnection) -> None:
        """Count what is heard, until the connection ends."""
        async for text in socket:
            event = json.loads(text)
            if event["type"] == "welcome":
                self.worker = event["worker"]
                self.welcomed.set()
            elif event["type"] == "message":
                self.heard[event["text"]] += 1
                if self.heard.total() >= MEMBERS:
                    self.satisfied.set()

    async def take_part(self, server: Server, inside: Barrier, satisfied: Barrier) -> None:
        """Join, wait for all others, say one thing, and stay until all have heard everything."""
        address = f"{server.ws_url}/ws/chat/{self.room}/?name={self.name}"
        options = {"origin": server.url, "proxy": None, "open_timeout": DEADLINE}
        async with connect(address, **options) as socket:
            listening = asyncio.create_task(self.listen(socket))
            await self.welcomed.wait()
            await inside.wait()
            await socket.send(json.dumps({"type": "say", "text": f"{self.room}: {self.name}"}))
            await self.satisfied.wait()
            await satisfied.wait()
            await (await socket.ping())  # what was on its way too often has come by now
        await listening


async def test_two_hundred_sockets_in_twenty_rooms(site):
    """200 sockets in 20 rooms on 2 workers: each message reaches each member of its room once."""
    page = await asyncio.to_thread(urlopen, site.server.url, timeout=10)
    with page:
        assert page.status == 200
    members = [Member(f"room{r}", f"n{n}") for r in range(ROOMS) for n in range(MEMBERS)]
    inside, satisfied = Barrier(len(members)), Barrier(len(members))
    parts = (member.take_part(site.server, inside, satisfied) for member in members)
    await asyncio.wait_for(asyncio.gather(*parts), DEADLINE)
    for member in members:
        assert member.heard == Counter(f"{member.room}: n{n}" for n in range(MEMBERS))
    assert list(Counter(member.worker for member in members).values()) == [100, 100]
