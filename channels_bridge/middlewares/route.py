"""Routing: from a path to its handler."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver

from channels_bridge import conf
from channels_bridge.native.native_application import CallNext
from channels_bridge.native.websocket import WebSocket

EXAMPLE = (
    'WEBSOCKET_ROUTE_MODULE = "my_project.routing", a module with '
    'urlpatterns = [path("ws/chat/", ChatConsumer.as_handler())]'
)


class RouteMiddleware:
    """Finds the handler in the ``urlpatterns`` of ``WEBSOCKET_ROUTE_MODULE``.

    Patterns are Django's ``path()`` and ``re_path()``, with or without the leading slash, and
    ``include()``; the first that matches wins. What they capture is in ``scope["url_route"]``, as
    Channels puts it there, and is passed to the handler. The next middleware is called in any case:
    the handler runs after all of them, and where no pattern matched the client gets HTTP 404.
    """

    #: Left out on ``websockets.serve()``, where the handler is known.
    routes = True

    def __init__(self) -> None:
        self._patterns = load_patterns()

    async def __call__(self, websocket: WebSocket, call_next: CallNext) -> None:
        match = resolve(self._patterns, websocket.scope)
        if match is not None:
            args, kwargs = match.args, match.kwargs
            websocket.scope["url_route"] = {"args": args, "kwargs": kwargs}
            websocket.handler = lambda websocket: match.func(websocket, *args, **kwargs)
        await call_next(websocket)


def resolve(
    patterns: list[URLPattern | URLResolver], scope: dict[str, Any]
) -> ResolverMatch | None:
    """Find the first pattern for the scope's path below its ``root_path``."""
    path, root_path = scope["path"], scope.get("root_path", "")
    if not path.startswith(root_path):
        return None
    bare = path[len(root_path) :].lstrip("/")
    for pattern in patterns:
        # Django matches without the leading slash; people write it nevertheless.
        for candidate in (bare, "/" + bare):
            try:
                match = pattern.resolve(candidate)
            except Resolver404:  # raised by include() only; path() returns None
                continue
            if match is not None:
                return match
    return None


def load_patterns() -> list[URLPattern | URLResolver]:
    """Import the ``urlpatterns`` of ``WEBSOCKET_ROUTE_MODULE``."""
    name = conf.route_module()
    if not name or not isinstance(name, str):
        raise ImproperlyConfigured(f"WEBSOCKET_ROUTE_MODULE is not set; write {EXAMPLE}")
    patterns = getattr(_import(name), "urlpatterns", None)
    if not isinstance(patterns, list | tuple):
        raise ImproperlyConfigured(
            f"WEBSOCKET_ROUTE_MODULE: {name!r} has no list 'urlpatterns'; write {EXAMPLE}"
        )
    return list(patterns)


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # An import that fails inside an existing module is another mistake, with its own message.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ImproperlyConfigured(
            f"WEBSOCKET_ROUTE_MODULE: there is no module {name!r}; write {EXAMPLE}"
        ) from None
