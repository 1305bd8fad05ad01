"""The native surface as one ASGI application: middlewares, then the handler they found."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from channels_bridge import conf
from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.websocket import Receive, Send, WebSocket
from channels_bridge.runloop.registry import Entry
from channels_bridge.server.access_log import printable
from channels_bridge.server.websocket.asgi_scope import EXTENSION

logger = logging.getLogger("channels_bridge.native")

CallNext: TypeAlias = Callable[[WebSocket], Awaitable[None]]


class Middleware(Protocol):
    """The interface of the classes in ``WEBSOCKET_MIDDLEWARE``."""

    async def __call__(self, websocket: WebSocket, call_next: CallNext) -> None:
        """Handle a connection, by passing it on with ``await call_next(websocket)`` or not."""


class NativeApplication:
    """An ASGI application for scope type ``websocket``.

    Args:
        middlewares: called in this order for each connection. What the last of them calls runs
            ``websocket.handler``, or answers 404 when no middleware has set one.
    """

    def __init__(self, middlewares: Sequence[Middleware]) -> None:
        self._handle = stack(middlewares)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        event = await receive()
        if event["type"] == "websocket.connect":
            await self.serve(scope, receive, send)

    async def serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle a connection whose ``websocket.connect`` has been received."""
        extension = scope.get("extensions", {}).get(EXTENSION)
        async with open_inbox(scope, receive) as inbox:
            websocket = WebSocket(scope, inbox, send)
            if extension is None:
                await self._handle(websocket)
                return
            with Entry(extension["connection"], websocket):
                await self._handle(websocket)


def get_native_application() -> NativeApplication:
    """Build the application that ``WEBSOCKET_MIDDLEWARE`` describes.

    Raises:
        ImproperlyConfigured: a setting is missing or wrong; the message says what to write.
    """
    return NativeApplication([middleware() for middleware in middleware_classes()])


def middleware_classes() -> list[type[Middleware]]:
    """Import the classes that ``WEBSOCKET_MIDDLEWARE`` lists."""
    paths = conf.middleware()
    if isinstance(paths, str) or not isinstance(paths, Iterable):
        raise ImproperlyConfigured(
            "WEBSOCKET_MIDDLEWARE must be a list of dotted paths, such as "
            f"{list(conf.DEFAULT_MIDDLEWARE)}"
        )
    return [_import_class(path) for path in paths]


def _import_class(path: str) -> type[Middleware]:
    try:
        middleware = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"WEBSOCKET_MIDDLEWARE: cannot import {path!r} ({error}); write the dotted path of a "
            f"class, such as {conf.DEFAULT_MIDDLEWARE[0]!r}"
        ) from error
    if not isinstance(middleware, type):
        raise ImproperlyConfigured(
            f"WEBSOCKET_MIDDLEWARE: {path!r} is not a class; write one with "
            "'async def __call__(self, websocket, call_next)'"
        )
    return middleware


def stack(middlewares: Sequence[Middleware]) -> CallNext:
    """Compose middlewares into one callable."""
    handle: CallNext = run_handler
    for middleware in reversed(middlewares):
        handle = _call(middleware, handle)
    return handle


def _call(middleware: Middleware, call_next: CallNext) -> CallNext:
    async def call(websocket: WebSocket) -> None:
        await middleware(websocket, call_next)

    return call


async def run_handler(websocket: WebSocket) -> None:
    """Run the handler that the middlewares found for this connection; without one, answer 404."""
    if websocket.handler is None:
        logger.warning("Not Found: %s", printable(websocket.scope["path"]))
        await websocket.reject(404, f"no WebSocket route for {websocket.scope['path']}\n")
    else:
        await websocket.handler(websocket)
