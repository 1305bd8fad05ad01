"""A stream of what is sent to groups: a member of them whose handler is ``render``.

It is fed as a connection is: live messages come into its inbox, and where its client was away, or
is slower than the groups, its feed has what is kept of them.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.event_stream import stream_format
from channels_bridge.event_stream.stream_entry import StreamEntry
from channels_bridge.event_stream.stream_format import StreamEvent
from channels_bridge.event_stream.stream_inbox import StreamInbox
from channels_bridge.event_stream.stream_listener import StreamListener
from channels_bridge.groups.history.member_listener import Notice
from channels_bridge.groups.history.position import Position, Why
from channels_bridge.groups.home import home_loop
from channels_bridge.runloop import registry
from channels_bridge.tracing.traced_handlers import traced_render

logger = logging.getLogger("channels_bridge.groups")

#: Makes of a message what the client gets; None where it gets nothing.
Rendered = StreamEvent | str | None
Render = Callable[[dict[str, Any]], Rendered | Awaitable[Rendered]]

#: Makes of all positions of a client what it sends when it comes back.
Write = Callable[[Mapping[str, Position]], str]

#: Seconds after which a quiet stream shows that it is there, as WebSockets' heartbeat.
HEARTBEAT = 25.0

#: Seconds after which a client is told its position again: what it sends is good for two days.
RENEWAL = 12 * 3600.0

#: Messages in a row after which others are let on.
FAIR_SHARE = 64

#: The type of the event that says that something was left out; its data says why.
GAP = "gap"

FAILED = "an event stream leaves a message of type %r out, as rendering it failed:\n%s"

_notices = Notices(logger)


class GroupStream:
    """What one client is sent.

    Order: each group's messages in their order. Loss: none that the client isn't told by an event
    ``gap``, in groups whose messages are kept; in others as for any member. The position goes with
    the event that it follows, so one of which the client has only a part comes again.

    Args:
        layer: one of ours.
        groups: their names.
        render: called with each message, in order, one at a time.
        listener: knows where the client was.
        write: makes the client's positions a text.
    """

    def __init__(
        self,
        layer: Any,
        groups: Sequence[str],
        render: Render,
        listener: StreamListener,
        write: Write,
    ) -> None:
        self._layer = layer
        self._groups = groups
        self._render = render if layer.tracer is None else traced_render(layer.tracer, render)
        self._listener = listener
        self._write = write
        self._inbox = StreamInbox()
        self._channel: str | None = None
        self._entry: StreamEntry | None = None
        self._told: dict[str, Position] = {}  # the positions that the client has
        self._told_at = time.monotonic()

    async def parts(self, heartbeat: float = HEARTBEAT) -> AsyncGenerator[bytes, None]:
        """Yield the stream until whoever iterates has had enough, or it is ended from elsewhere.

        That is by the layer, where it takes no more, and by whoever closes connections.
        """
        async with self._membership() as feed:
            # Whatever it is, it says that the client is a member now.
            part = self._gaps() + self._moved() or stream_format.HEARTBEAT
            due = time.monotonic() + heartbeat
            for turn in itertools.count(1):
                if not part and time.monotonic() >= due:
                    part = self._moved() or stream_format.HEARTBEAT
                if part:
                    yield part
                    due = time.monotonic() + heartbeat
                if self._inbox.is_ended:
                    return
                if turn % FAIR_SHARE == 0:
                    await asyncio.sleep(0)
                part = await self._next_part(feed, due)

    @asynccontextmanager
    async def _membership(self) -> AsyncIterator[Any]:
        """Be a member of all groups, with the feed of what is missing, where groups are kept."""
        layer = self._layer
        self._channel = channel = await layer.new_channel("stream")
        self._entry = StreamEntry(self._listener.scope, channel, self._inbox)
        registry.add(self._entry)
        feed = layer.attach(channel, self._inbox, self._listener)
        try:
            for group in self._groups:
                await layer.group_add(group, channel)
            yield feed
        finally:
            self.leave()

    def leave(self) -> None:
        """Leave all groups, if that isn't done. Any thread may call it."""
        channel, self._channel = self._channel, None
        if channel is None or self._entry is None:
            return
        registry.discard(self._entry)
        if home_loop.is_claimed():
            # Calls that are made after this reach the layer's loop after this, too.
            home_loop.loop().call_soon_threadsafe(self._layer.detach, channel)
        else:
            self._layer.detach(channel)

    async def _next_part(self, feed: Any, due: float) -> bytes:
        """What comes next; nothing where it makes no event, or nothing has come by then."""
        message = self._inbox.pop()
        if message is None and feed is not None:
            message = feed.take()
        if message is not None:
            return await self._part(message)
        await self._inbox.wait(due - time.monotonic())
        return b""

    async def _part(self, message: dict[str, Any]) -> bytes:
        """What is sent for a message, or a notice; nothing where it makes no event."""
        if isinstance(message, Notice):
            self._listener.noticed(message)
            return self._gaps()
        try:
            event = await self._rendered(message)
        except Exception:
            # The edge. Ended with it, the stream would meet the message again and again.
            _notices.log(
                logging.ERROR, "render", FAILED, message.get("type"), traceback.format_exc()
            )
            event = None
            self._listener.missed(getattr(message, "group", ""), Why.FAILED)
        self._listener.passed(message)
        if event is None:
            return self._gaps()  # else its position goes with the next event, or heartbeat
        return self._gaps() + stream_format.encode(event, self._position())

    async def _rendered(self, message: dict[str, Any]) -> StreamEvent | None:
        rendered = self._render(message)
        if inspect.isawaitable(rendered):
            rendered = await rendered
        return StreamEvent(rendered) if isinstance(rendered, str) else rendered

    def _gaps(self) -> bytes:
        """Tell the client what it misses. Not its position before that: else it may miss this."""
        gaps, self._listener.gaps = self._listener.gaps, []
        if not gaps:
            return b""
        events = (stream_format.encode(StreamEvent(why.value, GAP)) for why in gaps)
        return b"".join(events) + self._moved()

    def _moved(self) -> bytes:
        """Tell the client where it is, if it doesn't know that, or not for much longer."""
        is_known = self._told == self._listener.positions
        if is_known and time.monotonic() - self._told_at < RENEWAL:
            return b""
        return stream_format.moved(self._position())

    def _position(self) -> str:
        self._told, self._told_at = dict(self._listener.positions), time.monotonic()
        return self._write(self._told)
