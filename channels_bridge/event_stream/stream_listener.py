"""The listener of an event stream: where its client is in each group, and what it missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import Answer, Claim, Position, Why
from channels_bridge.groups.presence.roll import RollChange
from channels_bridge.resume import resume_counters


class StreamListener:
    """The connection behind a stream's channel, a ``Listener``.

    Args:
        scope: the request's, with its user.
        claims: where the client was, by group; or why its word does not count.

    Attributes:
        positions: where the client is, in groups whose messages are kept.
        gaps: why something was left out, what it has not been told yet.
    """

    speaks = True
    hears_presence = False

    def __init__(self, scope: Mapping[str, Any], claims: Mapping[str, Claim | Why]) -> None:
        self.scope = scope
        self.positions: dict[str, Position] = {}
        self.gaps: list[Why] = []
        self._claims = claims

    def claim(self, group: str) -> Claim | Why | None:
        """Where the client was in this group, as its last event said."""
        return self._claims.get(group)

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """Begin here. What was missed and is kept comes as messages."""
        self.positions[group] = position
        if answer is Answer.GAP:
            self.missed(group, why or Why.UNKNOWN)
        else:
            resume_counters.note(group, answer.value, None)

    def left(self, group: str) -> None:
        """Nothing: a stream stays in its groups until it ends."""

    def roll(self, group: str, change: RollChange) -> None:
        """Nothing: a stream is of messages."""

    def noticed(self, notice: Notice) -> None:
        """Something was left out, or the client has caught up, which it needn't know."""
        if notice.why is not None:
            self.missed(notice.group, notice.why)
            self.positions[notice.group] = notice.position

    def passed(self, message: Mapping[str, Any]) -> None:
        """The client has this message, or doesn't get it: go on behind it."""
        # Those that are not kept have no place of their own.
        if isinstance(message, LogEvent) and message.entry.offset:
            self.positions[message.group] = message.entry.position

    def missed(self, group: str, why: Why) -> None:
        """Something was left out: tell the client before what comes next."""
        self.gaps.append(why)
        resume_counters.note(group, Answer.GAP.value, why.value)
