"""Hints about the routes of an application: those that lead nowhere, and which path was meant.

Only what is of Channels is looked into, and middlewares that keep what they wrap as its do.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from channels.consumer import AsyncConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls.resolvers import RegexPattern

from channels_bridge.common.handler_hints import describe_async
from channels_bridge.runloop.sync_dispatch import has_channels_dispatch

#: Where middlewares keep the application that they wrap: Channels' have one of the first two.
_INNER = ("inner", "application", "app")

#: Applications within each other that are looked into, lest they are without an end.
_MOST = 1000

#: What Channels' consumers call of a project's, besides handlers of groups.
_METHODS = ("connect", "receive", "receive_json", "disconnect")

#: What makes the slash before it one that need not be there.
_OPTIONAL = ("?", "*", "{")


def mistakes(application: object) -> Iterator[str]:
    """Say what is wrong with routes, and with the consumers that they lead to: a line for each."""
    for place, found in _walk(application):
        if isinstance(found, type) and issubclass(found, AsyncConsumer):
            yield f"{place} leads to a class: write {found.__name__}.as_asgi()"
        elif isinstance(found, URLRouter):
            yield from filter(None, map(_about_slash, found.routes))
        elif isinstance(consumer := _inside(found).get("consumer_class"), type):
            yield from _about_async(consumer)


def find_router(application: object) -> URLRouter | None:
    """Return the router that sees the whole path of a WebSocket; None where none is found."""
    return next((found for _, found in _walk(application) if isinstance(found, URLRouter)), None)


def path_meant(router: URLRouter | None, path: str) -> str | None:
    """Return the path that there is a route for, where only the slash at the end is wrong."""
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    routes = router.routes if router is not None else []
    return other if any(_leads(route, other) for route in routes) else None


def _walk(application: object) -> Iterator[tuple[str, object]]:
    """Yield the applications that an application is made of, each with what leads to it."""
    waiting: list[tuple[str, object]] = [("ASGI_APPLICATION", application)]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        place, found = waiting.pop(0)
        if id(found) not in seen:
            seen.add(id(found))
            yield place, found
            waiting = [*_parts(place, found), *waiting]


def _parts(place: str, application: object) -> Iterator[tuple[str, object]]:
    """WebSockets come first."""
    if isinstance(application, ProtocolTypeRouter):
        mapping = application.application_mapping
        for protocol in sorted(mapping, key=lambda protocol: protocol != "websocket"):
            yield f"the {protocol!r} entry of ProtocolTypeRouter", mapping[protocol]
    elif isinstance(application, URLRouter):
        routes: list[Any] = application.routes
        for route in routes:
            yield f"the route '{route.pattern}'", route.callback
    elif not isinstance(application, type):
        inside = _inside(application)
        yield from ((place, inside[name]) for name in _INNER if name in inside)


def _inside(application: object) -> Mapping[str, object]:
    """What an application has itself: other attributes may do anything where they are asked for."""
    found: Mapping[str, object] = getattr(application, "__dict__", {})
    return found


def _about_slash(route: Any) -> str | None:
    """Channels takes away the slash that paths begin with, as Django does."""
    text = str(route.pattern)
    start = "^/" if isinstance(route.pattern, RegexPattern) else "/"
    if not text.startswith(start) or text.removeprefix(start).startswith(_OPTIONAL):
        return None
    return (
        f"the route '{text}' never matches, as there is no slash before paths: "
        f"write '{text.replace('/', '', 1)}'"
    )


def _leads(route: Any, path: str) -> bool:
    """Whether a route, which leads to no other router, matches a path."""
    if getattr(route.callback, "_path_routing", False):
        return False
    try:
        return route.pattern.match(path.lstrip("/")) is not None
    except Exception:  # a project's converters may raise anything
        return False


def _about_async(consumer: type) -> Iterator[str]:
    """Nothing awaits what a synchronous consumer's methods return."""
    if not has_channels_dispatch(consumer):
        return
    for name in _METHODS:
        if inspect.iscoroutinefunction(inspect.getattr_static(consumer, name, None)):
            yield describe_async(f"{consumer.__module__}.{consumer.__qualname__}", name)
