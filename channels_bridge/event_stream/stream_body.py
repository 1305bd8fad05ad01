"""The body of a response that is an event stream: made by a request, closed with the response."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial

from django.core.handlers.asgi import ASGIRequest

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.event_stream import positions, stream_format
from channels_bridge.event_stream.group_stream import GroupStream, Render
from channels_bridge.event_stream.request_context import release_thread, user_of
from channels_bridge.event_stream.stream_listener import StreamListener
from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.layer import BridgeChannelLayer

#: Seconds after which clients come back; each stream has a number of its own between these, so
#: that those of a worker that ends don't come at once.
RETRY = (0.5, 3.0)

_notices = Notices(logging.getLogger("channels_bridge.groups"))


class StreamBody:
    """What a response streams, for as long as its client reads it.

    Django closes it in a thread, and may do so before the generators that it has wrapped around
    this one are found by the garbage collection: so that is when groups are left.
    """

    def __init__(
        self,
        layer: BridgeChannelLayer,
        request: ASGIRequest,
        groups: Sequence[str],
        render: Render,
        heartbeat: float,
    ) -> None:
        self._layer = layer
        self._request = request
        self._groups = groups
        self._render = render
        self._heartbeat = heartbeat
        self._stream: GroupStream | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # At once: a client, or a proxy, believes in a stream when something has come.
        yield stream_format.opening(random.uniform(*RETRY))
        self._stream = stream = await self._open()
        await release_thread()
        try:
            async with aclosing(stream.parts(self._heartbeat)) as parts:
                async for part in parts:
                    yield part
        except TransportUnavailable as error:
            # It ends in order: the client comes back, and this is no fault of the view's.
            _notices.warn("unavailable", "an event stream ends: %s", error)

    async def _open(self) -> GroupStream:
        request, groups = self._request, self._groups
        user = await user_of(request)
        key = None if user is None else user.pk  # an anonymous user's is None
        was = request.headers.get("Last-Event-ID") or request.GET.get("from", "")
        # ``presence`` counts whoever reads what is sent to a group as somebody who is there.
        scope = {**request.scope, "user": user}
        listener = StreamListener(scope, positions.read(was, groups, key))
        write = partial(positions.write, user=key)
        return GroupStream(self._layer, groups, self._render, listener, write)

    def close(self) -> None:
        """Leave all groups."""
        if self._stream is not None:
            self._stream.leave()
