"""Shared frames with their headers: made once per process and message for all who want them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.shared_frames import Event, Idle, Made, Make, SharedEvent, Sharing
from channels_bridge.resume.own_echo import may_have_names
from channels_bridge.resume.resume_session import ResumeSession


class TaggedSharing(Sharing):
    """Sends what handlers have made for all to one client that speaks the protocol.

    Args:
        consumer: whose messages these are.
        base_send: what it has been given to send by.
        inbox: the consumer's.
        session: of the connection.
        make: returns what the handlers of a class make of a message, or None.
    """

    __slots__ = ("_session",)

    def __init__(
        self, consumer: Any, base_send: Any, inbox: Idle, session: ResumeSession, make: Make
    ) -> None:
        super().__init__(consumer, base_send, inbox, session.sender, make)
        self._session = session

    def __call__(self, made: Made, copies: Iterator[Event]) -> Event | None:
        """Deal with a group message; that of a log moves the client's position."""
        entry = getattr(made, "entry", None)
        if entry is None:
            return super().__call__(made, copies)
        share = self.share(made, copies)
        if share is None:
            return next(copies)
        content, names = share.content, share.names
        group: Any = made.group  # type: ignore[attr-defined]
        if names is not None and self._session.recognises_echo(group):
            event = next(copies)
            if may_have_names(event):  # its handler is given its own name in one's place
                return event
            copies = iter((event,))
        if self._inbox.is_idle() and self._session.send_shared(group, entry, content):
            return None
        event = next(copies)
        if names is not None:
            return event
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
