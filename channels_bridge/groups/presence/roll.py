"""Rolls: who is present in a group, and how that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody who is present.

    Attributes:
        info: what ``describe`` in CONFIG says of them; None where it says nothing. On its way
            between processes it is JSON, in bytes.
        since: how long they have been, in seconds.
        connections: how many processes they are connected to.
    """

    info: Any
    since: float
    connections: int


@dataclass(frozen=True, slots=True)
class RollChange:
    """Who has come to a group, and who has gone.

    Attributes:
        version: one more than that of the change before, for a group.
        is_whole: whether ``came`` is everybody, and takes the place of all that was known. With
            more than the group's limit only ``count`` is told: ``came`` is empty then.
        came: by key; also those whose info has changed.
        gone: their keys.
        count: how many keys there are now.
    """

    version: int
    is_whole: bool
    came: Mapping[str, Here]
    gone: Sequence[str]
    count: int

    @property
    def is_counted(self) -> bool:
        """Whether the number is all that is told."""
        return self.is_whole and len(self.came) != self.count


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for those who are present in a group.

    Attributes:
        linger: how long a key stays listed after its last connection, in seconds.
        limit: how many keys there may be before only their number is told.
        queue: the named queue that is pushed who has come and who has gone; empty for none.
        capacity: how many messages may wait in it.
        expiry: seconds until one of them is dropped.
    """

    linger: float
    limit: int
    queue: str = ""
    capacity: int = 0
    expiry: float = 0


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is in a group, as ``presence()`` lists them.

    Attributes:
        key: who it is: what ``describe`` in CONFIG calls them.
        info: what it says of them.
        since: how long they have been there, in seconds.
        connections: how many processes they are connected to.
    """

    key: str
    info: Any
    since: float
    connections: int
