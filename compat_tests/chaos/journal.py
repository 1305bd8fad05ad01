"""What clients saw, connection by connection."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

# Times are of ``time.monotonic()``.


@dataclass
class Record:
    """One connection, from the handshake on.

    Attributes:
        name: who it is; no two connections have the same.
        room: the group that it is in.
        began: when it was asked for.
        worker: the process that serves it; 0 until it says so.
        joined: when its client was told that it is a member; None when it never was.
        sent: number of a message -> when sending it began; those that were accepted.
        refused: numbers of those whose sender was told that they may not arrive.
        got: sender and number of each message, in order.
        ended: when it ended; None while it goes on.
        outcome: how it ended: a close code, 1006 where there was none; ``HTTP 503`` or the like, or
            ``no response``, of a handshake; ``own will``.
        stayed: whether it was there until everything had been said and heard.
    """

    name: str
    room: str = ""
    began: float = field(default_factory=time.monotonic)
    worker: int = 0
    joined: float | None = None
    sent: dict[int, float] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    got: list[tuple[str, int]] = field(default_factory=list)
    ended: float | None = None
    outcome: str = ""
    stayed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether its client is in the room."""
        return self.joined is not None and self.ended is None

    def __str__(self) -> str:
        moments = (self.began, self.joined, self.ended)
        began, joined, ended = ("never" if each is None else f"{each:.1f}" for each in moments)
        return (
            f"{self.name} in {self.room}, worker {self.worker}, began {began}, joined {joined}, "
            f"ended {ended}"
        )

    def end(self, outcome: str) -> None:
        """It has ended."""
        self.ended = time.monotonic()
        self.outcome = outcome


class Journal:
    """All connections of a round, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._names: dict[str, int] = {}

    def begin(self, client: str, room: str) -> Record:
        """A client asks for a connection, its first or one more."""
        number = self._names[client] = self._names.get(client, 0) + 1
        record = Record(f"{client}.{number}", room)
        self.records.append(record)
        return record
