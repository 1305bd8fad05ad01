"""Requests and their replies, all through one subscription with a wildcard. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from channels_bridge.groups.nats.client.nats_headers import Reply

OnReply = Callable[[Reply], None]
Cancel = Callable[[], None]


class Requests:
    """Those whose replies are expected.

    Args:
        prefix: of the subjects for replies; a dot and a number follow it.
    """

    def __init__(self, prefix: str) -> None:
        self.subject = f"{prefix}.*"
        self._prefix = f"{prefix}."
        self._expected: dict[bytes, OnReply] = {}  # by the number, as it is in the subject
        self._last = 0

    def __len__(self) -> int:
        return len(self._expected)

    def expect(self, on_reply: OnReply) -> tuple[str, Cancel]:
        """Expect replies until they are cancelled. Returns the subject for them, and the cancel."""
        self._last += 1
        number = b"%d" % self._last
        self._expected[number] = on_reply

        def cancel() -> None:
            self._expected.pop(number, None)

        return f"{self._prefix}{self._last}", cancel

    def received(self, subject: bytes, reply: Reply) -> None:
        """Hand a reply to who expects it; one that comes too late is nobody's."""
        on_reply = self._expected.get(subject[subject.rfind(b".") + 1 :])
        if on_reply is not None:
            on_reply(reply)
