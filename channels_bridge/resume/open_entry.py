"""The entry that is being handled: what a handler sends meanwhile belongs to it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from channels_bridge.groups.history.position import Entry
from channels_bridge.resume.places import Place


class OpenEntry:
    """A message of a log, from when its handler is called until that has returned.

    Attributes:
        owner: the sender of the connection whose handler it is.
        group: the group that it was sent to.
        place: where its client is in the group.
        frames: how many frames the handler has sent so far.
        skip: how many of these the client has already: it was told part of it before.
        is_done: whether the handler has returned. What its tasks send afterwards is their own.
    """

    __slots__ = ("entry", "frames", "group", "is_done", "owner", "place", "skip")

    def __init__(self, owner: Any, group: str, place: Place, entry: Entry, skip: int) -> None:
        self.owner = owner
        self.group = group
        self.place = place
        self.entry = entry
        self.skip = skip
        self.frames = 0
        self.is_done = False


#: What runs for a handler has it, in other tasks and threads too, as far as asyncio and asgiref
#: take contexts along.
current: ContextVar[OpenEntry | None] = ContextVar("channels_bridge_open_entry", default=None)
