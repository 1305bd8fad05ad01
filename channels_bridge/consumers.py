"""Consumers of the native surface.

Guarantees of a ``BaseConsumer``, under our server and on ``websockets.serve()`` alike:

- Its handlers run one at a time, in the order in which events and group messages arrive.
- The handshake is answered when ``connect()`` returns, unless it has been by then.
- ``disconnect(code)`` runs exactly once for each ``connect()`` that was called, whatever happens;
  after it the consumer is in no group.
- An exception goes on to the server, which logs it and closes the connection with 1011.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ClassVar

from channels import DEFAULT_CHANNEL_LAYER
from django.db import Error as DatabaseError
from websockets.asyncio.server import ServerConnection

from channels_bridge.groups import GroupMessage
from channels_bridge.groups.codec import GROUP_MESSAGE
from channels_bridge.groups.message import handler_name
from channels_bridge.native.bare_websockets import serve_plain
from channels_bridge.native.inbox_feed import open_channel
from channels_bridge.native.native_session import attributed, begin_session
from channels_bridge.native.receive_signature import FrameCalls, FrameKind, frame_calls
from channels_bridge.native.websocket import Message, State, WebSocket
from channels_bridge.runloop.db_housekeeping import housekeeping
from channels_bridge.tracing.traced_handlers import traced_dispatch
from channels_bridge.transport import get_channel_layer

#: Close codes of RFC 6455, section 7.4.1.
UNSUPPORTED_DATA = 1003
INTERNAL_ERROR = 1011

Handler = Callable[..., Coroutine[Any, Any, None]]


class BaseConsumer:
    """One connection. Subclasses override the hooks ``connect``, ``receive``, ``disconnect``.

    A group message calls the method named by its type, with dots as underscores, and passes it a
    ``channels_bridge.groups.GroupMessage``.

    Args:
        initkwargs: set as attributes; only names that the class has.
    """

    #: The layer whose groups this consumer joins, an alias of the settings.
    channel_layer_alias: ClassVar[str] = DEFAULT_CHANNEL_LAYER

    #: The connection; set, as the following are, before ``connect()``.
    websocket: WebSocket
    #: ASGI's scope, with what the middlewares have added.
    scope: dict[str, Any]
    #: This connection's address on the layer. Missing if the project has no layer.
    channel_name: str

    def __init__(self, **initkwargs: Any) -> None:
        for name, value in initkwargs.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no attribute {name!r} to set")
            setattr(self, name, value)

    @classmethod
    def as_handler(cls, **initkwargs: Any) -> Handler:
        """Return a handler for ``path()`` and ``websockets.serve()``: one consumer per connection.

        The handler is called with the connection and what the URL pattern captured, which the
        consumer finds in ``scope["url_route"]``.
        """

        async def handler(
            websocket: WebSocket | ServerConnection, *args: Any, **kwargs: Any
        ) -> None:
            async def serve(websocket: WebSocket) -> None:
                websocket.scope["url_route"] = {"args": args, "kwargs": kwargs}
                await cls(**initkwargs)._serve(websocket)

            if isinstance(websocket, WebSocket):
                await serve(websocket)
            else:
                await serve_plain(websocket, serve)

        # As Channels' ``as_asgi()``, for tools that look for the class.
        vars(handler).update(consumer_class=cls, consumer_initkwargs=initkwargs)
        return functools.update_wrapper(handler, cls, updated=())

    # Hooks

    async def connect(self) -> None:
        """Decide on the connection: return to accept it, or ``reject()`` or ``close()`` it."""

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Handle a message of the client.

        Override it as ``receive(self, text_data)`` for text only, as ``receive(self, bytes_data)``
        for binary data only, or as ``receive(self, text_data=None, bytes_data=None)`` for both.
        Data of a kind that it doesn't take closes the connection with 1003.
        """

    async def disconnect(self, code: int) -> None:
        """Clean up.

        Args:
            code: the code that either side closed the connection with; 1006 after a rejection or
                when the client was lost; 1011 when a handler failed or was cancelled.
        """

    # Calls

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Accept the connection before ``connect()`` returns, or with a subprotocol or headers."""
        await self.websocket.accept(subprotocol, headers)

    async def send(self, data: str | bytes) -> None:
        """Send one message: text for a str, binary for bytes. Accepts the connection if need be.

        What is sent after the client has left is dropped without an error.

        Raises:
            WebSocketClosed: after ``close()`` or ``reject()``.
        """
        await self.websocket.send(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; in ``connect()``, before anything was sent, answer with HTTP 403.

        No hook but ``disconnect`` is called after it. A second call does nothing.
        """
        await self.websocket.close(code, reason)

    async def reject(self) -> None:
        """Refuse the connection with HTTP 403; if it is open already, close it with 1008."""
        await self.websocket.reject()

    # The run loop

    async def _serve(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.scope = websocket.scope
        begin_session(self, websocket)
        layer = get_channel_layer(self.channel_layer_alias)
        if layer is None:
            await self._run()
        else:
            hears = hasattr(self, "presence_changed")
            async with open_channel(layer, websocket, hears_presence=hears) as self.channel_name:
                await self._run()

    async def _run(self) -> None:
        code = INTERNAL_ERROR
        try:
            await self._converse()
            code = self.websocket.close_code
        except DatabaseError:
            housekeeping.force()
            raise
        finally:
            try:
                await _look_after_database()
            finally:
                await self.disconnect(code)

    async def _converse(self) -> None:
        """Handle one event after the other, until either side has closed the connection."""
        await _look_after_database()
        await attributed(self.websocket, self._open)({"type": "websocket.connect"})
        calls = frame_calls(self.receive)
        handle_frame = attributed(self.websocket, functools.partial(self._handle_frame, calls))
        layer = get_channel_layer(self.channel_layer_alias)
        handle = traced_dispatch(layer, self, self._handle_group_message)
        handle_group_message = attributed(self.websocket, handle)
        while self.websocket.state is State.OPEN:
            event = await self.websocket.next_event()
            await _look_after_database()
            if event["type"] == "websocket.receive":
                await handle_frame(event)
            elif event["type"] != "websocket.disconnect":
                await handle_group_message(event)

    async def _open(self, _: Message) -> None:
        await self.connect()
        if self.websocket.state is State.CONNECTING:
            await self.accept()

    async def _handle_frame(self, calls: FrameCalls, event: Message) -> None:
        kind: FrameKind = "text" if event.get("text") is not None else "bytes"
        call = calls[kind]
        if call is None:
            name = "binary" if kind == "bytes" else kind
            await self.close(UNSUPPORTED_DATA, f"{name} messages are not accepted here")
        else:
            await call(event[kind])

    async def _handle_group_message(self, event: Message) -> None:
        name = handler_name(event.get("type"))
        handler = getattr(self, name, None)
        if handler is None:
            raise ValueError(
                f"{type(self).__name__} has no method {name!r} for the group message of type "
                f"{event['type']!r}"
            )
        await handler(group_message(event))


async def _look_after_database() -> None:
    if housekeeping.is_due():
        await housekeeping.close_old_connections()


def group_message(event: Message) -> GroupMessage:
    """Give a layer's message the form that handlers of the native surface get.

    A plain dict, as Channels' consumers send it, becomes a message too: where it has no
    ``params`` of its own, they are all its keys other than ``type`` and ``message``.
    """
    if GROUP_MESSAGE in event:
        message: GroupMessage = event[GROUP_MESSAGE]
        return message
    others = {key: event[key] for key in event if key not in ("type", "message")}
    params = others.get("params", others or None)
    return GroupMessage(event["type"], message=event.get("message"), params=params)
