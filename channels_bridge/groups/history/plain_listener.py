"""The listener of a connection whose client does not speak the protocol of ``resume``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.position import Answer, Claim, Position, Why
from channels_bridge.groups.presence.roll import RollChange


class PlainListener(Listener):
    """A member that is given messages and nothing else.

    Args:
        scope: the connection's.
        hears_presence: whether its consumer has a handler for ``presence.changed``.
    """

    __slots__ = ("_hears_presence", "_scope")

    def __init__(self, scope: Mapping[str, Any], *, hears_presence: bool = False) -> None:
        self._scope = scope
        self._hears_presence = hears_presence

    @property
    def scope(self) -> Mapping[str, Any]:
        return self._scope

    @property
    def speaks(self) -> bool:
        return False

    @property
    def hears_presence(self) -> bool:
        return self._hears_presence

    def claim(self, group: str) -> Claim | Why | None:
        return None

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """It need not be told: ``group_add()`` returns it."""

    def left(self, group: str) -> None:
        """It need not be told."""

    def roll(self, group: str, change: RollChange) -> None:
        """It can't be told."""
