"""The part of the transport interface that knows who is present.

A transport that can do it inherits from ``PresenceTransport`` besides ``GroupTransport``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from channels_bridge.groups.presence.roll import Here, RollChange, Terms


class RollWatcher(Protocol):
    """Who watches rolls: a node. Called on the home loop; never blocks."""

    def on_roll(self, topic: str, roll: RollChange) -> None:
        """Who has come to a topic and who has gone."""

    def last_roll(self, topic: str) -> Mapping[str, bytes]:
        """The infos that were last told, by key: a new hub waits for them as for its own."""


class PresenceTransport(ABC):
    """A transport that knows who is present in a topic, in all processes.

    What this process has said holds for as long as it exists, whatever becomes of connections; what
    others have said as long as they exist, and for ``linger`` seconds.
    """

    @abstractmethod
    def start_watching(self, watcher: RollWatcher) -> None:
        """Say who is called. To be called right after ``start()``."""

    @abstractmethod
    def present(self, topic: str, key: str, info: bytes, terms: Terms) -> None:
        """The first connection of ``key`` in this process is there, or its info has changed."""

    @abstractmethod
    def absent(self, topic: str, key: str) -> None:
        """The last connection of ``key`` in this process is gone."""

    @abstractmethod
    def watch_roll(self, topic: str, terms: Terms) -> None:
        """Be told of changes from now on, beginning with all who are present."""

    @abstractmethod
    def unwatch_roll(self, topic: str) -> None:
        """Be told no longer. What is on its way may still come."""

    @abstractmethod
    async def roll(self, topic: str) -> Mapping[str, Here]:
        """Return who is present in all processes, by key, however many."""

    @abstractmethod
    async def roll_count(self, topic: str) -> int:
        """Return how many keys are present in all processes."""
