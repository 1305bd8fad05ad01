"""A worker's connections one by one: found, described and closed, for people.

A connection has an id. It is made when somebody asks, so that those that nobody asks for cost
nothing, and it is never another one's, also after the connection has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from channels_bridge.server.child.questions import Message
from channels_bridge.server.connection_order import how_many, rank_by
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.lifecycle import State

#: Connections that are asked what is known of them before the loop goes round: a millisecond or so.
SLICE = 200

#: Groups that are named of one connection.
MOST_GROUPS = 20

#: Characters that are shown of a path. Clients choose it, and may make it as long as a request's
#: head: a thousand of those would keep the supervisor busy for long.
MOST_OF_PATH = 300


class Load(NamedTuple):
    """What waits for a client to read it, and what waits for its consumer.

    They are ordered so: a client that reads too slowly comes before one that is served too slowly.
    """

    unsent: int
    waiting: int
    connection: WebSocketConnection


@dataclass(frozen=True)
class Wanted:
    """Which connections are wanted: those that all of this holds for.

    Attributes:
        search: in lower case, a part of the path, the client's address or the channel's name, or
            the whole of the user's key; empty for all.
        users: keys of users that are found by ``search``, too, as somebody else knows their names.
        group: that the connection is in; empty for all.
        id: of the only one that is wanted; empty for all.
    """

    search: str = ""
    users: frozenset[str] = frozenset()
    group: str = ""
    id: str = ""

    @classmethod
    def of(cls, question: Message) -> Wanted:
        """Read a question's ``search``, ``users``, ``group`` and ``id``, all of which may lack."""
        return cls(
            search=str(question.get("search") or "").lower(),
            users=frozenset(map(str, question.get("users") or ())),
            group=str(question.get("group") or ""),
            id=str(question.get("id") or ""),
        )

    def fits(self, connection: WebSocketConnection) -> bool:
        """Whether a connection is wanted, as far as ``id`` doesn't say."""
        if not self.search and not self.group:
            return True
        about = connection.about()
        if self.group and self.group not in about.get("groups", ()):
            return False
        user = about.get("user")
        if user is not None and (user in self.users or user.lower() == self.search):
            return True
        known = f"{connection.path}\n{connection.peer}\n{about.get('channel') or ''}"
        return self.search in known.lower()


class ConnectionList:
    """The open connections of a worker."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)  # ids say nothing of where objects are

    async def select(self, loads: Sequence[Load], question: Message) -> Message:
        """Return how many connections are ``matching``, and the first of them as ``rows``.

        Args:
            question: says which, as for ``Wanted``; their ``order``, and how many at most, the
                ``limit``.
        """
        now = asyncio.get_running_loop().time()
        rank = rank_by(question.get("order"))
        matching = [load async for load in self._find(loads, Wanted.of(question))]
        chosen = heapq.nsmallest(
            how_many(question.get("limit")),
            matching,
            key=lambda load: rank(now - load.connection.opened, load.unsent, load.waiting),
        )
        rows = [self.describe(load) async for part in _slices(chosen) for load in part]
        return {"matching": len(matching), "rows": rows}

    async def close(self, loads: Sequence[Load], question: Message) -> list[Message]:
        """Close the connection with an ``id``; return what is known of it, or nothing.

        Args:
            question: has the ``code`` and ``reason``, too, which can be sent.
        """
        found = [load async for load in self._find(loads, Wanted(id=str(question["id"])))]
        # Described before: then the consumer may have ended, and nothing is known any more.
        rows = [self.describe(load) for load in found]
        closed = [load.connection.end(question["code"], question["reason"]) for load in found]
        return [row for row, was_open in zip(rows, closed, strict=True) if was_open]

    def describe(self, load: Load) -> Message:
        """Say what is known of a connection, as JSON can hold it."""
        connection = load.connection
        about = connection.about()
        if groups := about.get("groups"):
            about = {**about, "groups": groups[:MOST_GROUPS], "in_groups": len(groups)}
        return {
            "id": self.id_of(connection),
            "path": _shortened(connection.path),
            "client": connection.peer,
            "seconds": round(asyncio.get_running_loop().time() - connection.opened, 3),
            "unsent_bytes": load.unsent,
            "inbox_depth": load.waiting,
            **about,
        }

    def id_of(self, connection: WebSocketConnection) -> str:
        """Return the id of a connection: 16 digits of base 16."""
        # Two that are open are not in one place, and one that comes later opens later.
        text = f"{id(connection)} {connection.opened}"
        return hashlib.blake2b(text.encode(), digest_size=8, key=self._key).hexdigest()

    async def _find(self, loads: Sequence[Load], wanted: Wanted) -> AsyncIterator[Load]:
        async for part in _slices(loads):
            for load in part:
                connection = load.connection
                if connection.state is not State.OPEN:
                    continue  # it has ended since it was looked at
                if wanted.id and self.id_of(connection) != wanted.id:
                    continue
                if wanted.fits(connection):
                    yield load


def _shortened(path: str) -> str:
    return path if len(path) <= MOST_OF_PATH else f"{path[:MOST_OF_PATH]}…"


async def _slices(loads: Sequence[Load]) -> AsyncIterator[Sequence[Load]]:
    """Yield them little by little, and let the loop go round in between."""
    for start in range(0, len(loads), SLICE):
        yield loads[start : start + SLICE]
        await asyncio.sleep(0)
