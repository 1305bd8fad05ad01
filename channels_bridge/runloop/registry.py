"""This process's open connections, so that they can be found and closed.

A consumer knows whose its connection is: middlewares have put the user into its scope by the time
that it runs. It is looked at when somebody asks, and costs nothing until then.
"""

from __future__ import annotations

from typing import Any

from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.lifecycle import nothing_known

_entries: set[Entry] = set()


class Entry:
    """Makes a connection known while the block runs.

    Args:
        connection: the server's.
        consumer: has the connection's ``scope`` and, where there is a layer, ``channel_name``.
    """

    __slots__ = ("_connection", "_consumer", "_freezes")

    def __init__(self, connection: WebSocketConnection, consumer: Any) -> None:
        self._connection = connection
        self._consumer = consumer
        self._freezes = connection.context.freezes

    def __enter__(self) -> None:
        self._connection.about = self
        _entries.add(self)

    def __exit__(self, *_: object) -> None:
        _entries.discard(self)
        # The connection may live on for its closing handshake; the consumer shall not.
        self._connection.about = nothing_known
        self._connection.context.note_end(self._consumer, self._freezes)

    def __call__(self) -> dict[str, Any]:
        """Describe the connection, for the status."""
        return {"user": self.user, "channel": self.channel}

    @property
    def user(self) -> str | None:
        """The user's primary key as text; None for nobody, and for one who can't be known here."""
        try:
            key = getattr(self._consumer.scope.get("user"), "pk", None)
        except Exception:  # a lazy object of the project's own, that a database would have to tell
            return None
        return None if key is None else str(key)

    @property
    def channel(self) -> str | None:
        """The name of the consumer's channel; None where there is no channel layer."""
        return getattr(self._consumer, "channel_name", None)

    def matches(self, *, user: str | None, channel: str | None, path: str | None) -> bool:
        """Whether all of these fit that are given; None fits any connection."""
        return (
            (channel is None or channel == self.channel)
            and (path is None or path == self._consumer.scope["path"])
            and (user is None or user == self.user)
        )

    def close(self, code: int, reason: str) -> bool:
        """Close the connection. Returns whether it was open."""
        return self._connection.end(code, reason)


def close(question: dict[str, Any]) -> int:
    """Close connections of this process. Returns how many.

    Args:
        question: ``code`` and ``reason``, and which: ``user``, ``channel`` and ``path``.
    """
    wanted = {name: question[name] for name in ("user", "channel", "path")}
    found = [entry for entry in _entries if entry.matches(**wanted)]
    return sum(entry.close(question["code"], question["reason"]) for entry in found)
