"""What a receiver makes of a client's bytes, by itself: with the fast path, or without."""

from __future__ import annotations

from typing import Any

from websockets.extensions.permessage_deflate import PerMessageDeflate

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.receiver import Limits, Receiver, Recipient

#: What Chromium and this server agree on.
DEFLATE = PerMessageDeflate(True, True, 15, 12, {})


class Counting(Receiver):
    """Counts how often the protocol was given something."""

    __slots__ = ("detours",)

    def __init__(self, writer: Any, limits: Limits) -> None:
        super().__init__(writer, limits)
        self.detours = 0

    def _read_frames(self, recipient: Recipient, data: bytes) -> None:
        self.detours += 1
        super()._read_frames(recipient, data)


class Slow(Counting):
    """Gives everything to the protocol."""

    __slots__ = ()

    def _take_whole(self, recipient: Recipient, data: bytes) -> bytes:
        return data


class Listening:
    """A connection as the receiver sees it: is told what a client says, and writes it down.

    Args:
        deflate: the compression that the handshake has agreed on.
        kind: of receiver.
        options: of the server.

    Attributes:
        heard: messages as events, pongs as their payloads, pings as None, and the end as its code
            and reason.
        answer: what is written to the client.
    """

    def __init__(
        self,
        deflate: PerMessageDeflate | None = DEFLATE,
        kind: type[Counting] = Counting,
        **options: Any,
    ) -> None:
        self.heard: list[Any] = []
        self.answer = b""
        self.receiver = kind(self, Limits(ServerConfig(application="", **options)))
        self.receiver.start(self, deflate)

    @property
    def detours(self) -> int:
        """How often the protocol was needed."""
        return self.receiver.detours

    def hear(self, *pieces: bytes) -> None:
        """Read what a client has sent, in these pieces."""
        for piece in pieces:
            self.receiver.receive(piece)

    # The recipient

    def handle_message(self, event: Event) -> None:
        self.heard.append(event)

    def handle_ping(self) -> None:
        self.heard.append(None)

    def handle_pong(self, payload: bytes) -> None:
        self.heard.append(payload)

    def handle_close(self, code: int, reason: str) -> None:
        self.heard.append((code, reason))
        self.receiver.stop()

    def abandon(self, code: int, reason: str) -> None:
        self.receiver.fail(code, reason)
        self.handle_close(code, reason)

    # The writer

    def write_all(self, chunks: list[bytes]) -> None:
        self.answer += b"".join(chunks)
