"""Settings, read at each use; their names are in this file only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings

DEFAULT_MIDDLEWARE = (
    "channels_bridge.middlewares.scope.ScopeMiddleware",
    "channels_bridge.middlewares.auth.AuthMiddleware",
    "channels_bridge.middlewares.route.RouteMiddleware",
)

#: The settings of this package, for finding misspelt ones.
NAMES = (
    "WEBSOCKETS_SERVER",
    "WEBSOCKET_MIDDLEWARE",
    "WEBSOCKET_ROUTE_MODULE",
    "WEBSOCKET_RUNTIME_DIR",
    "WEBSOCKET_SHARED_HANDLERS",
    "WEBSOCKET_SYNC_THREADS",
    "WEBSOCKET_TRANSPORT_BACKENDS",
)

NOTHING_TO_SERVE = (
    "neither ASGI_APPLICATION nor WEBSOCKET_ROUTE_MODULE is set: there is nothing to serve. Write "
    'ASGI_APPLICATION = "mysite.asgi.application" into the settings'
)


def asgi_application() -> str | None:
    """``ASGI_APPLICATION``: the dotted path of the application that is served."""
    return getattr(settings, "ASGI_APPLICATION", None)


def wrong_path() -> str:
    """Say what is wrong with how ``ASGI_APPLICATION`` is written; empty where nothing is."""
    path = asgi_application()
    if not isinstance(path, str) or ":" not in path:
        return ""
    return (
        f"ASGI_APPLICATION is {path!r}: write a dot in place of the colon, as in "
        f"{path.replace(':', '.')!r}"
    )


def channel_layers() -> dict[str, dict[str, Any]]:
    """``CHANNEL_LAYERS``, as Channels defines it."""
    return getattr(settings, "CHANNEL_LAYERS", {})


def transport_backends() -> dict[str, dict[str, Any]]:
    """``WEBSOCKET_TRANSPORT_BACKENDS``: the native name and shape of ``CHANNEL_LAYERS``."""
    return getattr(settings, "WEBSOCKET_TRANSPORT_BACKENDS", {})


def layer_aliases() -> list[str]:
    """The aliases of ``CHANNEL_LAYERS`` and ``WEBSOCKET_TRANSPORT_BACKENDS``, each once."""
    return list(dict.fromkeys([*channel_layers(), *transport_backends()]))


def route_module() -> str | None:
    """``WEBSOCKET_ROUTE_MODULE``: the module whose ``urlpatterns`` lead to native handlers."""
    return getattr(settings, "WEBSOCKET_ROUTE_MODULE", None)


def middleware() -> Sequence[str]:
    """``WEBSOCKET_MIDDLEWARE``: dotted paths of native middlewares, outermost first."""
    return getattr(settings, "WEBSOCKET_MIDDLEWARE", DEFAULT_MIDDLEWARE)


def sync_threads() -> int:
    """``WEBSOCKET_SYNC_THREADS``: the number of threads for synchronous consumers in each worker.

    One, as in Channels, unless set: code that was written for one thread may rely on it.
    """
    return getattr(settings, "WEBSOCKET_SYNC_THREADS", 1)


def shared_handlers() -> bool:
    """``WEBSOCKET_SHARED_HANDLERS``: whether group handlers run once for all members.

    It concerns those that are proved to be the same for every member.
    """
    return getattr(settings, "WEBSOCKET_SHARED_HANDLERS", True)


def runtime_dir() -> str | None:
    """``WEBSOCKET_RUNTIME_DIR``: the directory for sockets and locks, if not ``/tmp``.

    Raises:
        ValueError: it is not an absolute path; the message says what to write instead.
    """
    directory = getattr(settings, "WEBSOCKET_RUNTIME_DIR", None)
    if not directory:
        return None
    if not isinstance(directory, (str, os.PathLike)) or not os.path.isabs(directory):
        raise ValueError(
            f"WEBSOCKET_RUNTIME_DIR is {directory!r}: write the absolute path of a directory, "
            f"such as '/run/mysite'"
        )
    return os.fspath(directory)


def server_options() -> object:
    """``WEBSOCKETS_SERVER``: options of the command of that name, by name; not checked yet."""
    return getattr(settings, "WEBSOCKETS_SERVER", {})


def max_sizes(message: int | None, frame: int | None) -> tuple[int, int]:
    """The size limits of messages and frames under ``runserver``, in bytes.

    ``DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE`` and ``DAPHNE_WEBSOCKET_MAX_FRAME_SIZE`` are settings of
    Daphne's ``runserver``; they hold where the options are not given.
    """
    if message is None:
        message = getattr(settings, "DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE", 2**20)
    if frame is None:
        frame = getattr(settings, "DAPHNE_WEBSOCKET_MAX_FRAME_SIZE", 2**20)
    return message, frame
