"""Appends: messages that wait for their numbers, and the frame that many of them go in."""

from __future__ import annotations

from channels_bridge.groups.grpc.append_codec import Target, encode_append, encode_appends
from channels_bridge.groups.grpc.process.client import Request

#: What each counts for besides its payload among what is unanswered, in bytes: what a frame of its
#: own adds, about.
FRAME_COST = 50


class Append(Request):
    """A message that waits for its number. It is encoded when it is written, alone or with others.

    Attributes:
        is_abandoned: whether nobody waits any more. Its number is still needed, as it may have one.
    """

    __slots__ = ("is_abandoned", "payload", "target")

    def __init__(self, seq: int, topic: str, target: Target, payload: bytes) -> None:
        super().__init__(seq, b"", True, topic)
        self.size = FRAME_COST + len(payload)
        self.target = target
        self.payload = payload
        self.is_abandoned = False

    @property
    def kept(self) -> bool:
        """Whether the log keeps it."""
        return self.target.kept

    def encode(self) -> bytes:
        return encode_append(self.target, self.seq, self.payload)


class JoinedAppends:
    """A frame of appends, which grows until it is written. Their numbers follow one another.

    Attributes:
        size: of all of them, in bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._appends: list[Append] = []

    def add(self, append: Append) -> None:
        """Add the next one."""
        self._appends.append(append)
        self.size += append.size

    def encode(self) -> bytes:
        """Return what is to be written, and forget it here: it may be large."""
        appends, self._appends = self._appends, []
        if len(appends) == 1:  # which spares a copy
            return appends[0].encode()
        targets = [append.target for append in appends]
        return encode_appends(appends[0].seq, targets, [append.payload for append in appends])
