"""Flow control of what comes (RFC 9113, 5.2): how much the other side may write unasked."""

from __future__ import annotations

#: What both sides may write before anybody has said how much.
DEFAULT_WINDOW = 65_535
#: What the other side may write unasked, in bytes. It is told of more once so many have come.
WINDOW = 16 * 1024 * 1024
WINDOW_STEP = 1024 * 1024


class IncomingRoom:
    """What the other side may still write, to the connection or to its call.

    It has room again for what has come, as nothing is kept but one message: so no frame can be too
    much, and nobody who sends none has to be told of any.
    """

    def __init__(self) -> None:
        self._taken = 0  # since it was told of more

    def take(self, size: int) -> int:
        """It has written so much. Returns of how much more it is to be told, or 0."""
        self._taken += size
        if self._taken < WINDOW_STEP:
            return 0
        more, self._taken = self._taken, 0
        return more
