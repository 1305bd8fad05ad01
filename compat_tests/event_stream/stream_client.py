"""A client of event streams, with a browser's memory: it says where it was when it comes back."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable
from urllib.parse import urlencode

from compat_tests.clients.raw_connection import DEADLINE, open_socket, reset_when_closed
from compat_tests.event_stream.event_source import EventSource


class StreamClient:
    """One page's stream, over any number of connections.

    Args:
        address: of the server that it connects to next.
        path: of the stream.
        at: where the page was rendered; none: the stream begins where it is.
    """

    def __init__(self, address: str, path: str = "/stream/", at: str = "") -> None:
        self.source = EventSource()
        self.headers: dict[str, str] = {}
        self.address = address
        self._path = path + ("?" + urlencode({"from": at}) if at else "")
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse

    def __enter__(self) -> StreamClient:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def texts(self) -> list[str]:
        """What all events have said."""
        return [data for _, data in self.source.events]

    def connect(self, deadline: float = DEADLINE) -> None:
        """Open the stream, and wait until its groups have been joined: it says where it is."""
        self.leave()
        self._connection = http.client.HTTPConnection("localhost", timeout=deadline)
        self._connection.sock = open_socket(self.address)
        known = {"Last-Event-ID": self.source.last_event_id} if self.source.last_event_id else {}
        self._connection.request("GET", self._path, headers={"Accept-Encoding": "gzip", **known})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}
        said = self.source.ids
        self.read_until(lambda: self.source.ids > said)

    def leave(self, *, reset: bool = False) -> None:
        """End the connection, as a network does, or a browser."""
        if self._connection is not None:
            if reset:
                reset_when_closed(self._connection.sock)
            self._response.close()
            self._connection.close()
            self._connection = None

    def read_until(self, condition: Callable[[], object]) -> None:
        """Read what comes until the condition holds."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, (self.source.events, self.source.last_event_id)
            data = self._response.read1(65536)
            assert data, f"the stream has ended: {self.source.events}"
            self.source.feed(data)

    def read_to_the_end(self) -> None:
        """Read until the server ends the stream, in whatever way."""
        with contextlib.suppress(http.client.IncompleteRead, ConnectionResetError):
            while data := self._response.read1(65536):
                self.source.feed(data)

    def read(self, *texts: str) -> None:
        """Read until all these have come, in this order, and nothing else since the start."""
        self.read_until(lambda: len(self.texts) >= len(texts))
        assert self.texts == [*texts]
