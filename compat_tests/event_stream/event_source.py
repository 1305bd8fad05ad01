"""A browser's EventSource without its connection: HTML, 9.2.6, "Interpreting an event stream"."""

from __future__ import annotations


class EventSource:
    """Reads a stream's bytes.

    Attributes:
        events: (type, data) of those that were dispatched.
        comments: how many lines were none.
        ids: how many were positions.
        retry: milliseconds, as the stream said last.
        last_event_id: what is sent as ``Last-Event-ID`` when the stream has ended.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.comments = 0
        self.ids = 0
        self.retry: int | None = None
        self.last_event_id = ""
        self._rest = b""
        self._fields: dict[str, str] = {}
        self._data: list[str] = []

    def feed(self, data: bytes) -> None:
        """Read some more bytes. Our streams end lines with LF only."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read(line.decode())

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            self._dispatch()
        elif not name:
            self.comments += 1
        elif name == "data":
            self._data.append(value)
        elif name == "retry":
            self.retry = int(value)
        else:
            self._fields[name] = value
            self.ids += name == "id"

    def _dispatch(self) -> None:
        self.last_event_id = self._fields.get("id", self.last_event_id)
        data, event = "\n".join(self._data), self._fields.get("event") or "message"
        if data:
            self.events.append((event, data))
        self._data.clear()
        self._fields.pop("event", None)
