"""Tasks that fill a connection's inbox where the server does not.

Our server puts socket events straight into the inbox, which it passes on as an ASGI extension, and
our layers put group messages there. Under Daphne, in ``WebsocketCommunicator``, on
``websockets.serve()`` and with other layers, tasks do it. Each task ends with its ``async with``
block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from channels_bridge.groups.history.plain_listener import PlainListener
from channels_bridge.groups.home import home_loop
from channels_bridge.native.websocket import NO_CLOSE_FRAME, Receive, WebSocket
from channels_bridge.resume.opening import give_channel
from channels_bridge.runloop.fed_inbox import FedInbox
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from channels_bridge.server.websocket.inbox import Inbox


class _Room(asyncio.Event):
    """Room in an inbox that a task fills."""

    inbox_drained = asyncio.Event.set

    def inbox_overflown(self) -> None:
        """Nobody here can end the connection."""


@asynccontextmanager
async def open_inbox(scope: MutableMapping[str, Any], receive: Receive) -> AsyncIterator[Inbox]:
    """Yield the inbox that this connection's events arrive in until the block ends."""
    extension = scope.get("extensions", {}).get(EXTENSION)
    # An ASGI middleware that wraps receive() must see each event, so a task calls it then.
    if extension is not None and receive == extension["connection"].inbox.get:
        yield extension["connection"].inbox
        return
    room = _Room()
    inbox = Inbox(room)
    async with _feeding(inbox, partial(_pass_events, receive, inbox, room)):
        yield inbox


@asynccontextmanager
async def open_channel(
    layer: Any, websocket: WebSocket, *, hears_presence: bool = False
) -> AsyncIterator[str]:
    """Yield a new channel whose messages arrive in the connection's inbox until the block ends.

    After the block the channel is in none of our layer's groups. Other layers forget it as they do
    under Channels: when it expires.

    Args:
        hears_presence: whether there is a handler for ``presence.changed``.
    """
    channel_name: str = await layer.new_channel()
    websocket.channel_name = channel_name
    if websocket.session is not None:
        give_channel(websocket.session, layer, channel_name)
    is_home = home_loop.is_claimed() and asyncio.get_running_loop() is home_loop.loop()
    if hasattr(layer, "attach") and is_home:
        plain = PlainListener(websocket.scope, hears_presence=hears_presence)
        listener = websocket.session or plain
        feed = layer.attach(channel_name, websocket.inbox, listener)
        if feed is not None:
            websocket.reader = FedInbox(websocket.inbox, feed)
        try:
            yield channel_name
        finally:
            websocket.reader = websocket.inbox
            layer.detach(channel_name)
        return
    messages = partial(_pass_messages, layer, channel_name, websocket.inbox)
    try:
        async with _feeding(websocket.inbox, messages):
            yield channel_name
    finally:
        if hasattr(layer, "detach"):
            _detach(layer, channel_name)


def _detach(layer: Any, channel_name: str) -> None:
    """Take the channel from one of our layers, whose loop may be another thread's."""
    if home_loop.is_claimed():
        # Calls that are made after this reach the layer's loop after this, too.
        home_loop.loop().call_soon_threadsafe(layer.detach, channel_name)
    else:
        layer.detach(channel_name)


async def _pass_events(receive: Receive, inbox: Inbox, room: asyncio.Event) -> None:
    """Move socket events into the inbox, up to the last one; wait while it is full."""
    last = False
    while not last:
        event = await receive()
        last = event["type"] == "websocket.disconnect"
        room.clear()
        if inbox.put_event(event) and not last:
            await room.wait()


async def _pass_messages(layer: Any, channel_name: str, inbox: Inbox) -> None:
    """Move a channel's messages into the inbox, which drops what exceeds its capacity."""
    while True:
        inbox.put_message(await layer.receive(channel_name))


@asynccontextmanager
async def _feeding(inbox: Inbox, feed: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run a task that fills ``inbox`` until the block ends.

    If it fails, the connection is over for its consumer, and its error is raised at the end.
    """
    task = asyncio.create_task(_end_on_failure(inbox, feed))
    try:
        yield
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _end_on_failure(inbox: Inbox, feed: Callable[[], Awaitable[None]]) -> None:
    try:
        await feed()
    except Exception:
        inbox.put_event({"type": "websocket.disconnect", "code": NO_CLOSE_FRAME})
        raise
