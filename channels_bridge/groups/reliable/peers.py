"""Peers: the other processes on the bus, and which of them were not heard for a while."""

from __future__ import annotations

from random import Random

from channels_bridge.groups.reliable.absence import Absence
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import ANSWERS, HEAD, HERE, TOO_LONG_AGO
from channels_bridge.groups.reliable.reliable_context import Context

#: How many others answer a process that is new to them, about.
GREETINGS = 8
UNCOUNTED = -1


class Peer:
    """Another process.

    Attributes:
        heard_at: when it was heard last.
        count: how often it had said that it is there when all was well last.
        well_at: when that was.
    """

    __slots__ = ("count", "heard_at", "well_at")

    def __init__(self, now: float) -> None:
        self.heard_at = self.well_at = now
        self.count = UNCOUNTED


class Peers:
    """The other processes, as far as they are known.

    Each says that it is there when it begins and every ``Bounds.announce_seconds``. Some of those
    that hear a new one answer it, so that it knows a few at once.

    These frames are counted. When one is missing, the bus has brought nothing from that process for
    a while, whether it noticed or not: it is asked to say again what it sent meanwhile.
    """

    def __init__(self, context: Context, absence: Absence) -> None:
        self._context = context
        self._bounds = context.bounds
        self._absence = absence
        self._random = Random(context.identity)
        self._peers: dict[bytes, Peer] = {}
        self._announce_at = NEVER
        self._began = 0.0
        self._count = 0

    def start(self, now: float) -> None:
        """Begin to say that this process is there."""
        if self._announce_at == NEVER:
            self._announce_at = self._began = now
            self._context.alarm.by(now)

    def note(self, identity: bytes, now: float) -> None:
        """Note that another process is there."""
        peer = self._peers.get(identity)
        if peer is not None:
            peer.heard_at = now
        elif len(self._peers) < self._bounds.peers:
            self._peers[identity] = Peer(now)
            if self._random.random() * len(self._peers) < GREETINGS:
                self._context.bus.publish_to(identity, self._here(0))

    def heard_here(self, identity: bytes, count: int, answer: int, now: float) -> None:
        """Handle that a process has said for the ``count``-th time that it is there."""
        self.note(identity, now)
        peer = self._peers.get(identity)
        if peer is None:
            return
        if peer.count == UNCOUNTED:
            self._count_from_here(peer, count, now)
        if answer == TOO_LONG_AGO:
            self._absence.heard_too_long(identity)
        if answer or count <= peer.count + 1:
            peer.count = max(count, peer.count)
            peer.well_at = now
        else:
            # By this clock it may be less: what came last may have waited for this process.
            longest = (count - peer.count) * self._bounds.announce_seconds
            self._absence.ask(identity, now, min(peer.well_at, now - longest))

    def _count_from_here(self, peer: Peer, count: int, now: float) -> None:
        """Begin to count those of a process that is new to this one.

        Unless this one has been there for so long that it must have missed the ones before.
        """
        if now - self._began < self._bounds.farewell_seconds:
            peer.count = count
        else:
            peer.count, peer.well_at = 0, self._began

    def heard_question(self, identity: bytes, too_long: bool) -> None:
        """Handle that a process has missed some of these frames: it gets the count."""
        self._context.bus.publish_to(identity, self._here(TOO_LONG_AGO if too_long else ANSWERS))

    def choose(self, now: float) -> list[bytes]:
        """Choose some others that were heard not long ago, and forget the rest."""
        oldest = now - 4 * self._bounds.remember_seconds
        for identity in [i for i, peer in self._peers.items() if peer.heard_at < oldest]:
            del self._peers[identity]
        count = min(self._bounds.audit_peers, len(self._peers))
        return self._random.sample(list(self._peers), count)

    def tick(self, now: float) -> float:
        """Say that this process is there, when it is time; return when to look next."""
        if self._announce_at <= now:
            self._count += 1
            self._context.bus.publish_to_all(self._here(0))
            pause = self._bounds.announce_seconds * self._random.uniform(0.75, 1.0)
            self._announce_at = now + pause
        return self._announce_at

    def _here(self, age: int) -> bytes:
        return HEAD.pack(HERE, 0, self._context.identity, 0, self._count, age)
