"""The group handlers of a class: which of its methods messages to a group may call.

Any public method can be called by a message whose type is its name. Those that are meant to be take
one argument, the event, and are not Channels' own.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from channels.generic import http, websocket

from channels_bridge.groups.shared_frames import SharedFrame

#: What consumers have from Channels, or are asked for by this package.
_OTHERS = {
    "name_for_page",
    *dir(websocket.WebsocketConsumer),
    *dir(websocket.JsonWebsocketConsumer),
    *dir(websocket.AsyncWebsocketConsumer),
    *dir(websocket.AsyncJsonWebsocketConsumer),
    *dir(http.AsyncHttpConsumer),
}


def group_handlers(owner: Any) -> Mapping[str, str]:
    """Return the methods that may be meant as group handlers, with the name of their argument."""
    found = {}
    for name in dir(owner):
        if not name.startswith("_") and name not in _OTHERS:
            argument = _argument(inspect.getattr_static(owner, name), is_sync=owner._sync)
            if argument is not None:
                found[name] = argument
    return found


def may_send(owner: Any, name: str) -> bool:
    """Whether a method sends something by itself, as far as its code tells at a glance."""
    code = getattr(inspect.getattr_static(owner, name), "__code__", None)
    return code is not None and not {"send", "send_json"}.isdisjoint(code.co_names)


def _argument(method: Any, *, is_sync: bool) -> str | None:
    """Return the name of a method's one argument; None where it is no handler."""
    kind = type(method)  # isinstance() asks lazy objects what they are, which may be a query
    if issubclass(kind, SharedFrame):
        return "event"
    if issubclass(kind, type) or not callable(method):
        return None
    try:
        parameters = list(inspect.signature(method).parameters.values())
        is_async = inspect.iscoroutinefunction(inspect.unwrap(method))
    except Exception:  # an odd attribute may do what it likes: it is no handler that is known
        return None
    if len(parameters) != 2 or is_sync == is_async:
        return None
    is_positional = parameters[1].kind is not inspect.Parameter.KEYWORD_ONLY
    return parameters[1].name if is_positional else None
