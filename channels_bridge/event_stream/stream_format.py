"""The format of event streams (HTML, section 9.2.6), as browsers' EventSource reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: A line that clients skip. It keeps proxies from closing a quiet stream.
HEARTBEAT = b":\n\n"

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream, for ``render`` to return.

    Attributes:
        data: what the page gets as ``event.data``; lines may end in any way.
        event: its type, which the page listens for; None for ``message``.
    """

    data: str
    event: str | None = None

    def __post_init__(self) -> None:
        if self.event is not None and _LINE_END.search(self.event):
            raise ValueError(f"the type of an event is one line, not {self.event!r}")


def opening(retry: float) -> bytes:
    """Begin a stream. Something has to be sent before a client, or a proxy, believes in it.

    Args:
        retry: seconds after which the client comes back when the stream has ended.
    """
    return b"retry: %d\n" % (retry * 1000) + HEARTBEAT


def encode(event: StreamEvent, position: str = "") -> bytes:
    """Write an event, with the client's position behind it, if there is one."""
    lines = [] if event.event is None else [f"event: {event.event}"]
    lines += [f"data: {line}" for line in _LINE_END.split(event.data)]
    if position:
        lines.append(f"id: {position}")
    # Half of a surrogate pair, which JSON can bring in, is in no encoding: "?" is sent.
    return "\n".join([*lines, "", ""]).encode(errors="replace")


def moved(position: str) -> bytes:
    """Tell the client where it is now. No event: EventSource keeps it and calls nobody."""
    return f"id: {position}\n\n".encode()
