"""The state that all HTTP connections of a worker share, in the form of uvicorn's.

This module needs the extra ``http``, as ``protocol`` does.
"""

from __future__ import annotations

import time
from email.utils import formatdate

from uvicorn.server import ServerState

from channels_bridge.server.websocket.context import Context


class SharedState(ServerState):
    """What uvicorn's protocols share: the worker's tasks, and headers with the present date."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.tasks = context.tasks
        self._name = context.config.server_name.encode("latin-1")
        self._second = 0
        self._headers: list[tuple[bytes, bytes]] = []

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that each answer begins with; made once a second."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._headers = [(b"date", formatdate(now, usegmt=True).encode())]
            if self._name:
                self._headers.append((b"server", self._name))
        return self._headers

    @default_headers.setter
    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        """What uvicorn's server would set; it doesn't run here."""
