"""Attribution: what a handler sends belongs to the message that it handles."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from channels.exceptions import StopConsumer

from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.resume.open_entry import OpenEntry, current
from channels_bridge.resume.resume_session import ResumeSession
from channels_bridge.server.asgi_types import Event

Dispatch = Callable[[Event], Awaitable[None]]
Handler = Callable[[Event], object]
Find = Callable[[Event], Handler]


class Attribution:
    """Stands around the dispatch of one consumer, which handles one message after the other.

    Args:
        session: of its connection.

    Attributes:
        dispatch: the consumer's own. To be set before the first event.
    """

    # Called itself, as a function in its place would take more memory in each connection.
    __slots__ = ("_handled", "_session", "dispatch")

    def __init__(self, session: ResumeSession) -> None:
        self._session = session
        self._handled: OpenEntry | None = None
        self.dispatch: Dispatch

    async def __call__(self, event: Event) -> None:
        """Take the place of a consumer's ``dispatch``: no step here could be left out."""
        session = self._session
        if isinstance(event, Notice):
            session.notice(event)
            return
        session.is_handling = True
        entry = session.begin(event) if isinstance(event, LogEvent) else None
        if entry is None:
            await self.dispatch(event)
            session.handled()
            return
        token, self._handled = current.set(entry), entry
        try:
            await self.dispatch(event)
        except StopConsumer:
            session.finish(entry)
            raise
        except Exception:
            session.fail(entry)
            raise
        except BaseException:  # cancelled: another connection has to handle it
            entry.is_done = True
            raise
        finally:
            current.reset(token)
            self._handled = None
        if not entry.is_done:
            session.finish(entry)
        session.handled()

    def in_thread(self, find: Find) -> Find:
        """Return what takes the place of how a synchronous consumer's handlers are found.

        They run in a thread whose context is kept from one message to the next.
        """

        def find_for(message: Event) -> Handler:
            handler, entry = find(message), self._handled
            if entry is None:
                return handler
            return functools.partial(_handle_in_thread, entry, handler)

        return find_for


def _handle_in_thread(entry: OpenEntry, handler: Handler, message: Event) -> object:
    token = current.set(entry)
    try:
        return handler(message)
    finally:
        current.reset(token)
