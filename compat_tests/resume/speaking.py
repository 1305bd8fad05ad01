"""Clients that speak the protocol, and a room whose log the test itself writes."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import Answer, Claim, Entry, Position, Why
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.resume.protocol_client import Frame, ProtocolClient, Told

EPOCH = "q1w2e3"


class Speaker:
    """A client of the protocol; what its server should not say fails the test."""

    def __init__(self, engine: Any, *, patience: float = DEADLINE) -> None:
        self.engine = engine
        self.patience = patience
        self.protocol = ProtocolClient()
        self.websocket: ClientConnection

    async def connect(self, query: str = "", **options: Any) -> Speaker:
        """Connect, again and with its positions if it was connected before."""
        path = f"/?{self.protocol.begin()}{query}"
        self.websocket = await self.engine.connect(path, **options)
        return self

    async def hear(self) -> Frame | Told:
        """Return the next message."""
        heard = self.protocol.hear(await asyncio.wait_for(self.websocket.recv(), self.patience))
        assert self.protocol.complaints == []
        return heard

    async def hear_of(self, kind: str) -> Told:
        """Return the next message, which is a control message of this kind."""
        told = await self.hear()
        assert isinstance(told, Told) and told.kind == kind, told
        return told

    async def frames(self, count: int) -> list[str | bytes]:
        """Return the payloads of the next frames; control messages may come between them."""
        heard: list[str | bytes] = []
        while len(heard) < count:
            message = await self.hear()
            if isinstance(message, Frame):
                heard.append(message.payload)
        return heard

    async def raw(self) -> str | bytes:
        """Return the next message as it is on the wire; it is understood, too."""
        data = await asyncio.wait_for(self.websocket.recv(), self.patience)
        self.protocol.hear(data)
        assert self.protocol.complaints == []
        return data

    async def closed(self) -> int:
        """Hear all that comes until the connection is closed; return the code."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            return 1006 if closed.rcvd is None else closed.rcvd.code

    async def idle(self) -> None:
        """Wait until the server has read what was sent, and written what it had to say."""
        await asyncio.wait_for(await self.websocket.ping(), DEADLINE)


class Room:
    """A group with a log, of which the test says what its members are given."""

    def __init__(self, name: str = "room", epoch: str = EPOCH, offset: int = 0) -> None:
        self.name, self.epoch, self.offset = name, epoch, offset
        self.entries: list[tuple[dict[str, Any], Entry]] = []

    def add(self, type: str, **message: Any) -> tuple[dict[str, Any], Entry]:
        """Append a message to the log."""
        self.offset += 1
        entry = Entry(self.epoch, self.offset, next(_orders), b"", 0, b"", 0.0)
        self.entries.append(({"type": type, **message}, entry))
        return self.entries[-1]

    def give(self, consumer: Any, type: str, **message: Any) -> None:
        """Append a message, and give it to a live member."""
        message, entry = self.add(type, **message)
        inbox_of(consumer).put_message(LogEvent(message, self.name, entry))

    def join(self, consumer: Any) -> Claim | Why | None:
        """Make a consumer a member, as a node does; returns what its client claims."""
        session = session_of(consumer)
        claim = session.claim(self.name)
        if isinstance(claim, Claim):
            session.joined(self.name, Answer.OK, claim.position, None)
            self._replay(consumer, claim)
        else:
            answer = Answer.NEW if claim is None else Answer.GAP
            session.joined(self.name, answer, Position(self.epoch, self.offset), claim)
        return claim

    def _replay(self, consumer: Any, claim: Claim) -> None:
        inbox = inbox_of(consumer)
        for message, entry in self.entries:
            if entry.offset > claim.position.offset:
                frames = claim.frames if entry.offset == claim.position.offset + 1 else 0
                event = LogEvent(message, self.name, entry, is_replay=True, frames=frames)
                inbox.put_message(event)
        inbox.put_message(Notice(self.name, Position(self.epoch, self.offset), None))

    def tell(self, consumer: Any, why: Why) -> None:
        """Have a member miss something right before the head."""
        inbox_of(consumer).put_message(Notice(self.name, Position(self.epoch, self.offset), why))


_orders = itertools.count(1)


def connection_of(consumer: Any) -> Any:
    return consumer.scope["extensions"][EXTENSION]["connection"]


def session_of(consumer: Any) -> Any:
    return connection_of(consumer).sender.session


def inbox_of(consumer: Any) -> Any:
    return connection_of(consumer).inbox
