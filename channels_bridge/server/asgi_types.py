"""Types of the ASGI interface: events, and the three callables that pass them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

#: An ASGI event or a channel layer message: a dict with a ``type``.
Event = MutableMapping[str, Any]

Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
