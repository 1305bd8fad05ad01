"""The listener: the connection behind a channel, as the groups that it is in see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from channels_bridge.groups.history.position import Answer, Claim, Entry, Position, Why
from channels_bridge.groups.presence.roll import RollChange


class Listener(Protocol):
    """What a member of a group is asked and told besides its messages.

    Called on the home loop; never blocks, never raises.
    """

    @property
    def scope(self) -> Mapping[str, Any]:
        """The connection's scope, for what ``presence`` makes of it."""

    @property
    def speaks(self) -> bool:
        """Whether the client speaks the protocol of ``resume``.

        Otherwise it makes no claims, and what follows is not called.
        """

    @property
    def hears_presence(self) -> bool:
        """Whether its consumer has a handler for ``presence.changed``."""

    def claim(self, group: str) -> Claim | Why | None:
        """Where the client was in this group; why its word does not count; None: it was not."""

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """It is a member now, from this position on. Its messages follow."""

    def left(self, group: str) -> None:
        """It is no longer a member."""

    def roll(self, group: str, change: RollChange) -> None:
        """Who is in the group, the first time, and then who has come and who has gone.

        Called for those who speak, in groups of ``presence`` in CONFIG. Infos are what JSON holds.
        """


class Notice(dict[str, Any]):
    """What a member is told between its messages: an event in its inbox that is no message.

    Only listeners who speak get one. ``why`` None says that the member has caught up, otherwise
    something was left out right before ``position``.
    """

    def __init__(self, group: str, position: Position, why: Why | None) -> None:
        super().__init__(type="channels_bridge.notice")
        self.group = group
        self.position = position
        self.why = why


class LogEvent(dict[str, Any]):
    """A group's message as a listener who speaks gets it: with its entry.

    The client has ``frames`` of what its handler sends already: those are not to be sent again.
    """

    # One for each message and member: with a dict of attributes it takes half as long again.
    __slots__ = ("entry", "frames", "group", "is_replay")

    def __init__(
        self,
        message: Mapping[str, Any],
        group: str,
        entry: Entry,
        *,
        is_replay: bool = False,
        frames: int = 0,
    ) -> None:
        self.update(message)
        self.group = group
        self.entry = entry
        self.is_replay = is_replay  # whether it was sent before the member was there, or is behind
        self.frames = frames
