"""The connections that consumers of this process serve, for those who want one to end.

What a consumer has is what is known of its connection: middlewares have put the user into its scope
by the time that it runs. It is looked at when somebody asks, and costs nothing until then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

__all__ = ["close", "entered"]

_entries: set[_Entry] = set()


class _Entry:
    __slots__ = ("_consumer", "_end")

    def __init__(self, consumer: Any, end: Callable[[int, str], bool]) -> None:
        self._consumer = consumer
        self._end = end

    def about(self) -> dict[str, Any]:
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
        return getattr(self._consumer, "channel_name", None)

    def matches(self, *, user: str | None, channel: str | None, path: str | None) -> bool:
        """Whether it is one of those that are meant; None is any."""
        return (
            (channel is None or channel == self.channel)
            and (path is None or path == self._consumer.scope["path"])
            and (user is None or user == self.user)
        )

    def close(self, code: int, reason: str) -> bool:
        return self._end(code, reason)


@contextlib.contextmanager
def entered(extension: MutableMapping[str, Any], consumer: Any) -> Iterator[None]:
    """Know a connection while the block runs.

    Args:
        extension: what our server offers for it; see ``WebSocketConnection.extension``.
        consumer: has the connection's ``scope`` and, where there is a layer, ``channel_name``.
    """
    entry = _Entry(consumer, extension["end"])
    extension["about"] = entry.about
    _entries.add(entry)
    try:
        yield
    finally:
        _entries.discard(entry)
        del extension["about"]


def close(question: dict[str, Any]) -> int:
    """Close connections of this process. Returns how many.

    Args:
        question: ``code`` and ``reason``, and which: ``user``, ``channel`` and ``path``.
    """
    wanted = {name: question[name] for name in ("user", "channel", "path")}
    found = [entry for entry in _entries if entry.matches(**wanted)]
    return sum(entry.close(question["code"], question["reason"]) for entry in found)
