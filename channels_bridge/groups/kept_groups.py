"""What a layer says of groups that are kept: the part of it that has to do with history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_bridge.groups.history.kept_messages import HistoryMessages, parse_position, spell
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.layer_config import LayerConfig
from channels_bridge.groups.presence.roll import Present


class KeptGroups:
    """The methods of a layer for groups that ``history`` or ``presence`` in CONFIG names."""

    if TYPE_CHECKING:
        config: LayerConfig

        def require_valid_group_name(self, name: Any) -> Any: ...

        def _node(self) -> Any: ...

    @property
    def follows(self) -> bool:
        """Whether CONFIG has ``history`` or ``presence``."""
        return self.config.follows

    async def history(
        self, group: str, *, after: str | None = None, limit: int | None = None
    ) -> HistoryMessages:
        """Return what is kept of the messages to a group, the oldest first.

        Args:
            after: the ``position`` of a message, or what ``position()`` returned: only messages
                behind it; ``is_complete`` of the result says whether all of these are kept.
            limit: how many at most: the first ones behind ``after``, else the latest.

        Raises:
            ValueError: the group has no history, or an argument is wrong.
            TransportUnavailable: whoever keeps them can't be reached.
        """
        self._require_history(group)
        place = None if after is None else parse_position(after)
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise ValueError(f"limit must be a whole number or None, not {limit!r}")
        node = self._node()
        return await home_loop.run(node.loop, node.history(group, place, limit))

    async def position(self, group: str) -> str:
        """Return where a group is: what is sent to it from now on comes behind that position.

        To be asked for before what a page shows is read: whoever goes on from there misses nothing.

        Raises:
            ValueError: the group has no history.
            TransportUnavailable: whoever keeps it can't be reached.
        """
        self._require_history(group)
        node = self._node()
        return spell(await home_loop.run(node.loop, node.position(group)))

    async def presence(self, group: str) -> list[Present]:
        """Return who is in a group, in all processes; those who have been there for longest first.

        Where CONFIG has no ``describe`` for the group, keys say nothing, and infos are None.

        Raises:
            ValueError: CONFIG has no presence for the group.
            TransportUnavailable: whoever knows it can't be reached.
        """
        self._require_presence(group)
        node = self._node()
        return await home_loop.run(node.loop, node.presence.presence(group))

    async def presence_count(self, group: str) -> int:
        """Return how many different keys are in a group, in all processes.

        Raises:
            ValueError: CONFIG has no presence for the group.
            TransportUnavailable: whoever knows it can't be reached.
        """
        self._require_presence(group)
        node = self._node()
        return await home_loop.run(node.loop, node.presence.presence_count(group))

    def _require_presence(self, group: str) -> None:
        self.require_valid_group_name(group)
        if self.config.presence_policy(group) is None:
            raise ValueError(
                f"group {group!r} has no presence: write a pattern of its name into CONFIG, such "
                f'as "presence": {{{group!r}: {{}}}}'
            )

    def _require_history(self, group: str) -> None:
        self.require_valid_group_name(group)
        if self.config.history_policy(group) is None:
            raise ValueError(
                f"group {group!r} has no history: write a pattern of its name into CONFIG, such as "
                f'"history": {{{group!r}: {{}}}}'
            )
