"""Messages to a group as objects, and the name of the handler for a message."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from channels.consumer import get_handler_name

from channels_bridge.common.handler_hints import TYPE


@dataclass(frozen=True)
class GroupMessage:
    """A message that ``group_send()`` takes instead of a dict.

    A native consumer's method named ``type`` gets an equal object. A Channels consumer gets an
    event with the keys ``type``, ``message`` and ``params``.

    Args:
        type: the method to call, with ``.`` for ``_`` as in Channels.
        message: what the message says.
        params: whatever else the handler needs.
    """

    type: str
    message: Any = None
    params: Any = None


@functools.lru_cache(maxsize=1024)
def handler_name(type: str | None) -> str:
    """Return the name of the method that handles messages of a type.

    Args:
        type: None for messages without one.

    Raises:
        ValueError: no method can have that name; in Channels' words, and with what to write.
    """
    try:
        name: str = get_handler_name({} if type is None else {"type": type})
    except ValueError as error:
        raise ValueError(f"{error}: {TYPE}") from None
    return name
