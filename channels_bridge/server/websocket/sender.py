"""Sending: messages become frames, from the event loop and from other threads."""

from __future__ import annotations

import functools
from collections.abc import Callable

from websockets.extensions.permessage_deflate import PerMessageDeflate

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.calls_from_threads import Crossing
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.frames import Payload, payload_of
from channels_bridge.server.websocket.inbox import Inbox
from channels_bridge.server.websocket.writer import Writer

#: How many messages of other threads may wait for the event loop.
MESSAGES = 16
#: Characters or bytes of each. Together they are as much text as the write buffer's high water.
LENGTH = 2**12


class Sender:
    """Sends messages on a connection while it is open.

    Frames are written past the protocol of ``websockets``, which has no part in a message from the
    server: they are built once for all connections that are sent the same.

    Args:
        writer: takes the frames.
        inbox: the application's; while more waits there, more will be sent.
        context: has the frames, and counts.
    """

    __slots__ = ("_context", "_deflate", "_inbox", "_is_open", "_outbox", "_writer")

    def __init__(self, writer: Writer, inbox: Inbox, context: Context) -> None:
        self._writer = writer
        self._inbox = inbox
        self._context = context
        self._deflate: PerMessageDeflate | None = None
        self._is_open = False
        self._outbox: Outbox | None = None  # where other threads send, too

    def start(self, deflate: PerMessageDeflate | None) -> None:
        """The connection is open, and has agreed on this compression."""
        self._deflate = deflate
        self._is_open = True

    def stop(self) -> None:
        """Send nothing more. What other threads' messages still wait are dropped."""
        self._is_open = False
        self._outbox = None

    # On the event loop

    def send(self, message: Event) -> None:
        """Send what a ``websocket.send`` says.

        Raises:
            ValueError: it is not one text, nor one sequence of bytes.
        """
        # The application's next message may be on the way: one write then takes both.
        self._send(payload_of(message), more=self._inbox.waiting > 0)

    def send_now(self, payload: Payload) -> bool:
        """Send a message, unless that must wait or there is nobody to send it to.

        It is written together with others of this round of the loop: messages to groups come in
        bunches.

        Returns:
            Whether it was sent.
        """
        if self._writer.is_full or not self._is_open:
            return False
        self._send(payload, more=True)
        return True

    def _send(self, payload: Payload, *, more: bool) -> None:
        context = self._context  # looked up once: this runs for each member of a group
        context.counters.sent += 1
        self._writer.write(context.frames.frame(payload, self._deflate), more=more)

    # In other threads

    def open_outbox(self) -> Callable[[Event], bool]:
        """Return what takes messages from other threads; to be asked for on the event loop.

        It is called with a ``websocket.send``, in any thread, and checks it as ``send`` does.
        What it has taken will be written: before what that thread has done on the loop afterwards,
        and before the close frame where it is the server that closes. It takes nothing while the
        ASGI ``send`` would wait, and as much as an ``Outbox`` holds ahead of the loop. It
        returns whether it has taken the message; otherwise ``send`` is to be awaited for it.
        """
        if self._outbox is None:
            self._outbox = Outbox(self._send_late, self._context.crossing)
        return functools.partial(self._put, self._outbox)

    def _put(self, outbox: Outbox, message: Event) -> bool:
        """In another thread."""
        if message["type"] != "websocket.send" or not self._is_open:
            return False
        return not self._writer.is_full and outbox.put(payload_of(message))

    def _send_late(self, payload: Payload, more: bool) -> None:
        if self._is_open:
            self._send(payload, more=more or self._inbox.waiting > 0)

    def flush(self) -> None:
        """Write what other threads have sent, before something that must not overtake it."""
        if self._outbox is not None:
            self._outbox.flush()


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
        self._payloads: list[Payload] = []  # a list: an empty deque takes 600 bytes

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
