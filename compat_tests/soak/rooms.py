"""Clients who stay: they talk in rooms, and check that each hears everything once and in order."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass

from picows import WSMsgType

from channels_bridge.bench.generator.clients import Client, Target
from channels_bridge.bench.generator.ledger import Arrivals, Counts
from compat_tests.clients.raw_bytes import compress

MEMBERS = 5


@dataclass(frozen=True)
class Kind:
    """What the clients of a room have in common.

    Attributes:
        path: where they connect; ``{}`` is the room.
        cookie: whether they are logged in: the server then looks for session and user.
        deflate: whether messages are compressed, both ways.
        padding: characters that make messages longer.
    """

    path: str = "/room/{}/"
    cookie: bool = False
    deflate: bool = False
    padding: int = 0

    def target(self, port: int, room: str, cookie: str) -> Target:
        """Where a client goes, and with what."""
        headers = (("Cookie", cookie),) if self.cookie else ()
        return Target(port, self.path.format(room), headers, self.deflate)


KINDS = (
    Kind(),
    Kind(cookie=True),
    Kind(deflate=True, padding=2000),
    Kind(path="/sync-room/{}/"),
)


class Speaker(Client):
    """A client that says something, compressed where it has offered that."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def say(self, text: str) -> None:
        content = json.dumps({"text": text.ljust(len(text) + self.kind.padding)}).encode()
        if self.transport is not None:
            data = compress(content) if self.kind.deflate else content
            self.transport.send(WSMsgType.TEXT, data, rsv1=self.kind.deflate)


class Room:
    """A room, and its members.

    Args:
        name: nobody else uses it.
        kind: its members'.
        turns: how many messages each member says; the next one when it has heard the last.
        counts: adds up what is heard.
    """

    def __init__(self, name: str, kind: Kind, turns: int, counts: Counts) -> None:
        self.name = name
        self.kind = kind
        self.turns = turns
        self.counts = counts
        self.members = [Member(self, number) for number in range(MEMBERS)]
        self.complete = asyncio.Event()  # everybody has heard everything
        self._missing = turns * MEMBERS * MEMBERS

    def begin(self) -> None:
        self.counts.expected += self._missing
        for member in self.members:
            member.speak()

    def heard(self) -> None:
        """A member has heard a message for the first time."""
        self._missing -= 1
        if not self._missing:
            self.complete.set()


class Member(Speaker):
    """Says numbered messages, one after the other, and checks those of all members."""

    def __init__(self, room: Room, number: int) -> None:
        super().__init__(room.kind)
        self._room = room
        self._number = number
        self._said = 0
        self._arrivals: dict[int, Arrivals] = defaultdict(Arrivals)

    def speak(self) -> None:
        if self._said < self._room.turns:
            self.say(f"{self._number} {self._said}")
            self._said += 1

    def receive(self, payload: bytes) -> None:
        words = json.loads(payload)["text"].split()
        if len(words) != 2:
            return  # a visitor's
        sender, number = map(int, words)
        if self._arrivals[sender].check(number, self._room.counts):
            self._room.heard()
            if sender == self._number:
                self.speak()
