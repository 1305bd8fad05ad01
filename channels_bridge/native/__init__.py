"""The native surface: from a connection through middlewares to a handler.

``native_application`` builds the stack of middlewares and runs it over each connection.
``websocket`` is the connection as middlewares and consumers see it. ``inbox_feed`` gives it an
inbox where the server has none. ``bare_websockets`` runs handlers on connections of
``websockets.serve()``.
"""

from __future__ import annotations

from channels_bridge.native.native_application import get_native_application
from channels_bridge.native.websocket import State, WebSocket

__all__ = ["State", "WebSocket", "get_native_application"]
