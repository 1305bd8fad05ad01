"""Sessions of the resume protocol around native consumers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels_bridge.native.websocket import Message, WebSocket
from channels_bridge.resume.attribution import Attribution
from channels_bridge.resume.opening import open_session
from channels_bridge.resume.refused_handshake import decide
from channels_bridge.server.websocket.asgi_scope import EXTENSION

Handle = Callable[[Message], Awaitable[None]]


def begin_session(consumer: Any, websocket: WebSocket) -> None:
    """Give a connection its session, where its client asks for one."""
    extension = websocket.scope.get("extensions", {}).get(EXTENSION)
    if extension is None:
        return
    websocket.session = session = open_session(consumer, websocket.scope, extension["connection"])
    if session is not None:
        websocket.look_at_decision(partial(decide, session))


def attributed(websocket: WebSocket, handle: Handle) -> Handle:
    """Return what handles a connection's group messages, so that what it sends is theirs."""
    if websocket.session is None:
        return handle
    attribution = Attribution(websocket.session)
    attribution.dispatch = handle
    return attribution
