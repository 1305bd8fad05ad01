"""Shared frames with their headers: made once per process and message for all who want them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.shared_frames import Event, Made, SharedEvent, Sharing
from channels_bridge.resume.resume_session import ResumeSession


class TaggedSharing(Sharing):
    """Sends what shared handlers have made to one client that speaks the protocol.

    Args:
        owner: the consumer's class.
        is_idle: whether the consumer has nothing to do.
        session: of the connection.
    """

    __slots__ = ("_session",)

    def __init__(self, owner: type, is_idle: Callable[[], bool], session: ResumeSession) -> None:
        super().__init__(owner, is_idle, session.sender.send_now)
        self._session = session

    def __call__(self, made: Made, copies: Iterator[Event]) -> Event | None:
        """Deal with a group message; that of a log moves the client's position."""
        entry = getattr(made, "entry", None)
        if entry is None:
            return super().__call__(made, copies)
        shared = self.make(made, copies)
        if shared is None:
            return next(copies)
        (content,) = shared
        group: Any = made.group  # type: ignore[attr-defined]
        if self._is_idle() and self._session.send_shared(group, entry, content):
            return None
        event = next(copies)
        assert isinstance(event, LogEvent)
        return SharedLogEvent(event, content)


class SharedLogEvent(LogEvent, SharedEvent):
    """A log's event that waits for its consumer, with what the handler has made of it."""

    def __init__(self, event: LogEvent, content: str | bytes | None) -> None:
        # Not by the two classes' own, each of which would call the other's.
        dict.__init__(self, event)
        self.group, self.entry, self.is_replay = event.group, event.entry, event.is_replay
        self.frames = event.frames
        self.content = content
