"""Rolls: who is present in a group, and how that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody who is present.

    Attributes:
        info: what ``describe`` in CONFIG says of them; None where it says nothing.
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
        is_whole: whether ``came`` is everybody, and takes the place of all that was known.
        came: by key; also those whose info has changed.
        gone: their keys.
        count: how many keys there are now. With more than the group's limit only that is told.
    """

    version: int
    is_whole: bool
    came: Mapping[str, Here]
    gone: Sequence[str]
    count: int
