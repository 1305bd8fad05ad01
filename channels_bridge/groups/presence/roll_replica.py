"""The replica of a roll: who is present in a group, as this process was told last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_bridge.groups.presence.roll import Here, RollChange


@dataclass(eq=False, slots=True)
class _Known:
    raw: bytes
    info: Any
    since: float  # by the clock of this process
    connections: int

    def here(self, now: float) -> Here:
        return Here(self.info, now - self.since, self.connections)


class RollReplica:
    """Who is present in one group, those who came first at the front.

    Its versions are its own, and rise by one with each change: those of a new hub begin anew.

    Attributes:
        is_known: whether anything was told yet.
        is_counted: whether only the number was.
        count: how many there are.
        missed: whether a change was missed: the whole has to be asked for.
    """

    def __init__(self) -> None:
        self.is_known = False
        self.is_counted = False
        self.missed = False
        self.count = 0
        self._keys: dict[str, _Known] = {}
        self._version = 0
        self._told_version = 0  # of who tells

    @classmethod
    def of(cls, here: Mapping[str, Here]) -> RollReplica:
        """Make one of a whole roll, as of now."""
        replica = cls()
        replica.apply(RollChange(0, True, here, (), len(here)), 0)
        return replica

    def apply(self, change: RollChange, now: float) -> RollChange | None:
        """Take what was told. Returns what has changed for the members; None where nothing has."""
        if not change.is_whole and change.version != self._told_version + 1:
            self.missed = True
            return None
        self.missed = False
        self._told_version = change.version
        was_known, was_counted, count = self.is_known, self.is_counted, self.count
        gone = [key for key in change.gone if self._keys.pop(key, None) is not None]
        if change.is_whole:
            gone = [key for key in self._keys if key not in change.came]
            for key in gone:
                del self._keys[key]
        came = [key for key, here in change.came.items() if self._learn(key, here, now)]
        if change.is_whole:
            self._keys = {key: self._keys[key] for key in change.came}  # in its order
        self.is_known, self.is_counted, self.count = True, change.is_counted, change.count
        if self.is_counted or was_counted or not was_known:
            return self._next(now) if not was_known or self._differs(was_counted, count) else None
        if not came and not gone:
            return None
        self._version += 1
        return RollChange(
            self._version, False, {key: self._keys[key].here(now) for key in came}, gone, self.count
        )

    def whole(self, now: float) -> RollChange:
        """All who are present, or their number."""
        return RollChange(self._version, True, self.here(now), (), self.count)

    def here(self, now: float) -> dict[str, Here]:
        """All who are present; nobody where only their number is known."""
        return {key: known.here(now) for key, known in self._keys.items()}

    def infos(self) -> Mapping[str, bytes]:
        """The infos as they were told, by key."""
        return {key: known.raw for key, known in self._keys.items()}

    def _learn(self, key: str, here: Here, now: float) -> bool:
        """Take what was told of a key. Returns whether that is any news for members."""
        known = self._keys.get(key)
        if known is not None and known.raw == here.info:
            known.connections = here.connections
            return False
        info = json.loads(here.info) if here.info else None
        self._keys[key] = _Known(here.info, info, now - here.since, here.connections)
        return True

    def _next(self, now: float) -> RollChange:
        self._version += 1
        return self.whole(now)

    def _differs(self, was_counted: bool, count: int) -> bool:
        return was_counted != self.is_counted or count != self.count
