"""Rounds of clients: some stay in rooms until all is said, many more come and go meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from math import ceil

from channels_bridge.bench.generator.clients import AT_A_TIME, Target, close_all, lost, open_all
from channels_bridge.bench.generator.ledger import Counts
from compat_tests.soak.rooms import KINDS, MEMBERS, Room
from compat_tests.soak.visits import WAYS, TurnedAway, Visit

ROOMS = 2 * len(KINDS)
VISITS = 20  # to each room

#: Connections of one round.
ROUND = ROOMS * (MEMBERS + VISITS)

#: Messages that are delivered for each turn of everybody.
TURN = ROOMS * MEMBERS * MEMBERS

#: Seconds after which what has not been heard is lost.
PATIENCE = 60.0


@dataclass(frozen=True)
class Plan:
    """What a run consists of.

    Attributes:
        rounds: one after the other.
        turns: how many messages each member of a room says in one round.
    """

    rounds: int
    turns: int

    @classmethod
    def of(cls, connections: int, messages: int) -> Plan:
        """The shortest one with so many connections made, and messages delivered."""
        rounds = ceil(connections / ROUND)
        return cls(rounds, ceil(messages / rounds / TURN))

    @property
    def capacity(self) -> int:
        """What may wait for a consumer at most: none may be dropped as too many."""
        return self.turns * MEMBERS + VISITS


class Load:
    """Clients of a server.

    Args:
        port: the server's.
        cookie: of somebody who is logged in.
        turns: as in ``Plan``.

    Attributes:
        connections: how many were made.
        counts: what those heard who stayed.
    """

    def __init__(self, port: int, cookie: str, turns: int) -> None:
        self.connections = 0
        self.counts = Counts()
        self._port = port
        self._cookie = cookie
        self._turns = turns

    async def round(self, number: int) -> None:
        """Let everybody come, talk and go."""
        rooms = list(self._rooms(number))
        visits = (visit for room in rooms for visit in self._visits(room))
        await asyncio.gather(
            self._stay(rooms), *(self._come_and_go(visits) for _ in range(AT_A_TIME))
        )
        self.connections += ROUND

    def _rooms(self, number: int) -> Iterator[Room]:
        for index, kind in enumerate(islice(cycle(KINDS), ROOMS)):
            yield Room(f"{number}-{index}", kind, self._turns, self.counts)

    async def _stay(self, rooms: Iterable[Room]) -> None:
        members = {member: self._target(room) for room in rooms for member in room.members}
        await open_all(members.items())
        for room in rooms:
            room.begin()
        completing = [asyncio.ensure_future(room.complete.wait()) for room in rooms]
        _, late = await asyncio.wait(completing, timeout=PATIENCE)
        for waiting in late:
            waiting.cancel()
        self.counts.connections_lost += lost(members)
        await close_all(members)

    def _visits(self, room: Room) -> Iterator[Awaitable[None]]:
        visit = Visit(room.kind, self._target(room), self._cookie, room.complete)
        for come_and_go in islice(cycle(WAYS), VISITS):
            yield come_and_go(visit)

    async def _come_and_go(self, visits: Iterator[Awaitable[None]]) -> None:
        for visit in visits:
            try:
                await visit
            except (TurnedAway, asyncio.TimeoutError):
                self.counts.connections_lost += 1

    def _target(self, room: Room) -> Target:
        return room.kind.target(self._port, room.name, self._cookie)
