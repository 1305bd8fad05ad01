"""The presence table of one process: which of its connections is whose, in which group."""

from __future__ import annotations

from typing import NamedTuple


class Entrance(NamedTuple):
    """What has changed for others when a connection has come: one of these or both."""

    came: str | None  # a key that is new here, or whose info has changed
    gone: str | None  # a key whose last connection this was, under which it was known before


class PresenceTable:
    """The connections of one process, by group and key: the others are told of the first and last.

    A key's info is that of its connection that said so last.
    """

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, tuple[bytes, set[str]]]] = {}  # -> key -> its channels
        self._channels: dict[str, dict[str, str]] = {}  # channel -> group -> key

    def enter(self, group: str, channel: str, key: str, info: bytes) -> Entrance:
        """A connection is in a group now; its key or its info may be another than before."""
        gone = None
        if self._channels.get(channel, {}).get(group, key) != key:
            gone = self.leave(group, channel)
        self._channels.setdefault(channel, {})[group] = key
        keys = self._groups.setdefault(group, {})
        known, channels = keys.get(key, (None, set()))
        channels.add(channel)
        keys[key] = (info, channels)
        return Entrance(key if known != info else None, gone)

    def leave(self, group: str, channel: str) -> str | None:
        """A connection isn't in a group any more. Returns its key, if it was the last one of it."""
        groups = self._channels.get(channel, {})
        key = groups.pop(group, None)
        if key is None:
            return None
        if not groups:
            del self._channels[channel]
        keys = self._groups[group]
        channels = keys[key][1]
        channels.discard(channel)
        if channels:
            return None
        del keys[key]
        if not keys:
            del self._groups[group]
        return key

    def infos(self, group: str) -> dict[str, bytes]:
        """The keys in a group, and what is said of them."""
        return {key: info for key, (info, _) in self._groups.get(group, {}).items()}

    def groups_of(self, channel: str) -> list[str]:
        """The groups in which a connection is listed."""
        return list(self._channels.get(channel, ()))

    def channels(self) -> list[str]:
        """All connections that are listed anywhere."""
        return list(self._channels)

    def keys(self) -> int:
        """How many keys are here, those of each group counted."""
        return sum(map(len, self._groups.values()))
