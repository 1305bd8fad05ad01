"""Settings, read at each use; their names are in this file only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
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


#: The settings for layers, of which the first counts.
_LAYERS = ("CHANNEL_LAYERS", "WEBSOCKET_TRANSPORT_BACKENDS")

_ONE_LAYER = '{"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}'


def channel_layers() -> dict[str, dict[str, Any]]:
    """``CHANNEL_LAYERS``, as Channels defines it, without what is malformed."""
    return _layers(_LAYERS[0])


def transport_backends() -> dict[str, dict[str, Any]]:
    """``WEBSOCKET_TRANSPORT_BACKENDS``: the native name and shape of ``CHANNEL_LAYERS``."""
    return _layers(_LAYERS[1])


def _layers(setting: str) -> dict[str, dict[str, Any]]:
    found = getattr(settings, setting, {})
    if not isinstance(found, Mapping):
        return {}
    return {alias: layer for alias, layer in found.items() if not _wrong_layer(alias, layer)}


def wrong_layers() -> Iterator[str]:
    """Say what is malformed in the settings for layers: a line for each, as all of it is left out.

    What is in CONFIG is for the layers themselves.
    """
    for setting in _LAYERS:
        found = getattr(settings, setting, {})
        if not isinstance(found, Mapping):
            yield f"{setting} is of type {type(found).__name__}: write a dictionary, {_ONE_LAYER}"
            continue
        for alias, layer in found.items():
            if wrong := _wrong_layer(alias, layer):
                yield f"{setting}[{alias!r}] {wrong}"


def _wrong_layer(alias: str, layer: object) -> str:
    """Say what is malformed in a layer; empty where nothing is. No value: it may be a secret."""
    if alias in ("BACKEND", "CONFIG"):
        return f"is where an alias has to be: write {_ONE_LAYER}"
    if not isinstance(layer, Mapping):
        return f"is of type {type(layer).__name__}: write a dictionary, as in {_ONE_LAYER}"
    if not isinstance(config := layer.get("CONFIG", {}), Mapping):
        return f"has a CONFIG of type {type(config).__name__}: write a dictionary, or leave it out"
    return ""


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


def control_path() -> str | None:
    """The path of the control socket, where ``WEBSOCKETS_SERVER`` has it as ``control``."""
    options = server_options()
    path = options.get("control") if isinstance(options, Mapping) else None
    return os.fspath(path) if isinstance(path, (str, os.PathLike)) and path else None


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
