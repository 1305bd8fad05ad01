"""An event stream among this process's open connections, so that it can be found and closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_bridge.event_stream.stream_inbox import StreamInbox


class StreamEntry:
    """A stream, as ``channels_bridge.connections.close()`` finds it.

    Args:
        scope: the request's, with its user.
        channel: the name of the stream's channel.
        inbox: the stream's.
    """

    def __init__(self, scope: Mapping[str, Any], channel: str, inbox: StreamInbox) -> None:
        self.scope = scope
        self.channel = channel
        self._inbox = inbox

    def close(self, code: int, reason: str) -> bool:
        """End the stream. Its client isn't told why: a stream has no words for that."""
        is_open = not self._inbox.is_ended
        self._inbox.end()
        return is_open
