"""This process's open connections, so that they can be found and closed.

A consumer knows whose its connection is: middlewares have put the user into its scope by the time
that it runs. Event streams are connections, too. All are looked at when somebody asks, and cost
nothing until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from channels_bridge.groups.made_layers import groups_of
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.lifecycle import nothing_known


class OpenConnection(Protocol):
    """A connection that can be found and closed."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """With its path and, where it is known, its user."""

    @property
    def channel(self) -> str | None:
        """The name of its channel, if it has one."""

    def close(self, code: int, reason: str) -> bool:
        """Close the connection. Returns whether it was open."""


_entries: set[OpenConnection] = set()


def add(entry: OpenConnection) -> None:
    """Make a connection known. Any thread may call this, and ``discard()``."""
    _entries.add(entry)


def discard(entry: OpenConnection) -> None:
    """A connection has ended."""
    _entries.discard(entry)


def user_in(scope: Mapping[str, Any]) -> str | None:
    """The user's primary key as text; None for nobody, and for one who can't be known here."""
    try:
        key = getattr(scope.get("user"), "pk", None)
    except Exception:  # a lazy object of the project's own, that a database would have to tell
        return None
    return None if key is None else str(key)


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
        add(self)

    def __exit__(self, *_: object) -> None:
        discard(self)
        # The connection may live on for its closing handshake; the consumer shall not.
        self._connection.about = nothing_known
        self._connection.context.note_end(self._consumer, self._freezes)

    def __call__(self) -> dict[str, Any]:
        """Describe the connection, for the status."""
        channel = self.channel
        groups = [] if channel is None else groups_of(channel)
        return {"user": user_in(self.scope), "channel": channel, "groups": groups}

    @property
    def scope(self) -> Mapping[str, Any]:
        """The consumer's scope."""
        scope: Mapping[str, Any] = self._consumer.scope
        return scope

    @property
    def channel(self) -> str | None:
        """The name of the consumer's channel; None where there is no channel layer."""
        return getattr(self._consumer, "channel_name", None)

    def close(self, code: int, reason: str) -> bool:
        return self._connection.end(code, reason)


def close(question: dict[str, Any]) -> int:
    """Close connections of this process. Returns how many.

    Args:
        question: ``code`` and ``reason``, and which: ``user``, ``channel`` and ``path``.
    """
    wanted = {name: question[name] for name in ("user", "channel", "path")}
    found = [entry for entry in tuple(_entries) if _matches(entry, **wanted)]
    return sum(entry.close(question["code"], question["reason"]) for entry in found)


def _matches(
    entry: OpenConnection, *, user: str | None, channel: str | None, path: str | None
) -> bool:
    """Whether all of these fit that are given; None fits any connection."""
    return (
        (channel is None or channel == entry.channel)
        and (path is None or path == entry.scope["path"])
        and (user is None or user == user_in(entry.scope))
    )
