"""A message to a group, as an object rather than a dict."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GroupMessage:
    """
    What ``group_send()`` takes instead of a dict.

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
