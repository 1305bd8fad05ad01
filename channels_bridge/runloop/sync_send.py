"""``send()`` of synchronous consumers, without waiting for the event loop.

Channels makes it with ``async_to_sync``: a future, a context, a task, a wake-up of the loop and one
of the thread, which waits meanwhile. On a connection of our server that nothing stands before, a
thread can check a message for itself, leave it in the connection's outbox and go on.
"""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import async_to_sync

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.connection import WebSocketConnection


class SyncSend:
    """The ``base_send`` of a synchronous consumer.

    A message is checked at once, with the errors that ``async_to_sync(send)`` raises. It is written
    before anything that happens on the event loop after the handler, and before what the handler
    sends or has done there later. ``send()`` waits, as with Channels, while the client does not
    read, when the outbox is full, and for anything else than ``websocket.send``.

    Args:
        connection: what it sends on. Made on its event loop.
    """

    __slots__ = ("_put", "_wait")

    def __init__(self, connection: WebSocketConnection) -> None:
        self._put = connection.sender.open_outbox()
        self._wait: Any = async_to_sync(connection.send)

    def __call__(self, message: Event) -> None:
        # On an event loop's own thread, async_to_sync says what is wrong.
        if asyncio._get_running_loop() is not None or not self._put(message):
            self._wait(message)
