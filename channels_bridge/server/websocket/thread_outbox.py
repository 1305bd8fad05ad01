"""Messages that other threads send on a connection, until the event loop writes them."""

from __future__ import annotations

from collections.abc import Callable

from channels_bridge.server.websocket.frames import Payload
from channels_bridge.server.websocket.loop_calls import Crossing

#: How many messages may wait here.
MESSAGES = 16
#: Characters or bytes of each. Together they are as much text as the write buffer's high water.
LENGTH = 2**12


class Outbox:
    """A bounded queue of one connection, from threads to the event loop.

    The messages of each thread are written in the order in which it sent them, before what it hands
    over to the loop afterwards.

    Args:
        write: writes a message, and is told whether more waits; called on the loop.
        crossing: the way there.
    """

    __slots__ = ("_crossing", "_payloads", "_write")

    def __init__(self, write: Callable[[Payload, bool], None], crossing: Crossing) -> None:
        self._write = write
        self._crossing = crossing
        self._payloads: list[Payload] = []  # as short as it is small while it is empty

    def put(self, payload: Payload) -> bool:
        """Have a message written soon. May be used in any thread.

        Returns:
            Whether it was taken; False where it is too long, or too many wait.

        Raises:
            UnicodeEncodeError: a text with a surrogate, which has no UTF-8 form.
        """
        if len(payload) > LENGTH or len(self._payloads) >= MESSAGES:
            return False
        if isinstance(payload, str) and not payload.isascii():
            payload.encode()  # an error is the sender's, who is gone when the frame is built
        self._payloads.append(payload)
        self._crossing.call_soon(self.flush)
        return True

    def flush(self) -> None:
        """Write what waits. Used on the loop."""
        for _ in range(len(self._payloads)):
            payload = self._payloads.pop(0)
            self._write(payload, bool(self._payloads))
