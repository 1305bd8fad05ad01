"""Server-Sent Events: a view that streams what is sent to groups, for htmx, Turbo and curl.

::

    from channels_bridge.event_stream import event_stream

    async def news(request):
        return event_stream(request, ["news"], lambda message: message["html"])

A client that comes back says in ``Last-Event-ID`` where it was, as browsers do by themselves, and
goes on there: see ``migration_guide/event_streams.md``. The view decides who may read what.

- ``stream_view``: the response, and what it asks of its arguments.
- ``stream_body``: its body.
- ``group_stream``: the stream itself: a member of groups whose handler is ``render``.
- ``stream_listener``: where its client is in each group, and what it is told.
- ``positions``: these in one line, as the client sends them when it comes back.
- ``stream_entry``: it among the open connections, for ``channels_bridge.connections.close()``.
- ``stream_inbox``: the bounded queue of a stream, which any thread may fill.
- ``stream_format``: the bytes of the stream.
- ``request_context``: the user of a request, and its thread, which a stream does without.
"""

from __future__ import annotations

from channels_bridge.event_stream.stream_format import StreamEvent
from channels_bridge.event_stream.stream_view import event_stream

__all__ = ["StreamEvent", "event_stream"]
