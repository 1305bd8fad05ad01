"""The part of the transport interface that keeps history.

A transport that can do it inherits from ``HistoryTransport``. Topics are those of the other half;
one that is followed is published to with ``append`` only. Who is present is a third part, for
transports that can say so: ``presence.presence_transport``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from channels_bridge.groups.history.position import Bounds, Entry, Excerpt, Position
from channels_bridge.groups.transport_interface import GroupTransport


class Follower(Protocol):
    """Who follows topics: a node. Called where ``Deliver`` is; never blocks."""

    def on_excerpt(self, topic: str, excerpt: Excerpt) -> None:
        """What the log has, from where this process was. Every later entry is the next one."""

    def on_entry(self, topic: str, entry: Entry) -> None:
        """The next message, this process' own ones too, in the one order of the topic."""

    def on_entries(self, topic: str, entries: Sequence[Entry]) -> None:
        """The next messages, all of one sender and one epoch, which follow one another."""
        for entry in entries:
            self.on_entry(topic, entry)

    def position(self, topic: str) -> Position | None:
        """Where this process is in a topic that it follows; None where it has nothing yet."""


class HistoryTransport(GroupTransport):
    """A transport that also numbers, keeps and replays.

    Order: all processes get what is appended to a topic in one order, and what one process appends
    in the order of its calls, over all its topics. Loss: every entry is exactly the next one after
    the last, or the follower is given an excerpt that says what there is.

    Where nothing can be kept, as there is nobody else or only a hub of an earlier release, it all
    goes on without: to follow is to subscribe, and brings an excerpt without entries, of one run;
    what is appended is given to the followers here as an entry that is not kept, and published.
    """

    @property
    def keeps_history(self) -> bool:
        """Whether the other end can keep it: a hub of an earlier release can't."""
        return True

    def has_no_readers(self, *, kept: bool) -> bool:
        """Whether what is appended is for this process alone. May be asked from any thread.

        Others may come back, to a hub that isn't there yet, for what is kept.
        """
        return self.is_alone

    @abstractmethod
    def start_following(self, follower: Follower) -> None:
        """Say who is called. To be called right after ``start()``."""

    @abstractmethod
    async def follow(self, topic: str) -> None:
        """Ask for a topic's log and what comes; return once ``on_excerpt`` was called.

        The position is ``Follower.position()``. Asked again, it brings what is missing up to now.
        """

    @abstractmethod
    def follow_nowait(self, topic: str) -> None:
        """Do the same without waiting for it.

        When this is called within ``deliver``, all that is appended after ``tell()`` has returned
        to the sender of that payload is given to this follower.
        """

    @abstractmethod
    def unfollow(self, topic: str) -> None:
        """Stop following. What is on its way may still come."""

    @abstractmethod
    async def read(self, topic: str, *, is_brief: bool = False) -> Excerpt:
        """Return all that a topic's log keeps, without following it.

        Args:
            is_brief: leave out the entries, as if none were kept: for whoever wants to know only
                where the log is.
        """

    @abstractmethod
    async def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        """Number a message and give it to all who follow, this process too, and to bound queues.

        Returns once it is queued here; waits while too much is queued already.

        Args:
            bounds: of the topic's log.
            kept: False for a message that takes its place among the others and is not kept.
        """

    @abstractmethod
    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        """Do the same without waiting, however much is queued."""

    @abstractmethod
    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        """Do the same, but return once it is in the log, and followers here have been given it.

        Without a hub, what has no readers is done at once; what may have some waits for one.
        """

    @abstractmethod
    async def clear_queues(self) -> None:
        """Empty all named queues, undo all bindings, and forget all logs.

        Whoever resumes is told that something is missing. Those who follow are given a whole
        excerpt, without entries.
        """
