"""The subscriptions of a connection, which outlive each of its links. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channels_bridge.groups.nats.client.nats_commands import encode_subject, encode_subscribe


class Subscriptions:
    """Subjects, each under a key of its user's and a number for the nodes.

    Attributes:
        by_number: subject and key of each subscription. Read by whoever dispatches messages; a
            number is never given twice, so that what comes late for one meets no other.
    """

    def __init__(self) -> None:
        self.by_number: dict[int, tuple[str, Any]] = {}
        self._numbers: dict[Any, int] = {}  # by key
        self._last = 0

    def __len__(self) -> int:
        return len(self.by_number)

    def add(self, subject: str, key: Any) -> int:
        """Remember a subscription. Returns its number.

        Raises:
            ValueError: the key has one already, or the subject can't be one.
        """
        if key in self._numbers:
            raise ValueError(f"{key!r} has subscribed to {self.subject_of(key)!r} already")
        encode_subject(subject)
        self._last += 1
        self._numbers[key] = self._last
        self.by_number[self._last] = (subject, key)
        return self._last

    def remove(self, key: Any) -> int | None:
        """Forget the subscription of a key. Returns its number, or None where there was none."""
        number = self._numbers.pop(key, None)
        if number is not None:
            del self.by_number[number]
        return number

    def subject_of(self, key: Any) -> str:
        """The subject that a key has subscribed to."""
        return self.by_number[self._numbers[key]][0]

    def encode_all(self) -> Iterator[bytes]:
        """A SUB for each, the latest first: what a new link begins with.

        So where a node knows one that was made early, it knows all that were made since.
        """
        for number, (subject, _) in reversed(self.by_number.items()):
            yield encode_subscribe(subject, number)
