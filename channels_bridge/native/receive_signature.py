"""The kinds of messages that a consumer's ``receive`` takes, by its signature."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

FrameKind: TypeAlias = Literal["text", "bytes"]
FrameCall: TypeAlias = Callable[[Any], Awaitable[None]]
#: The function to call with the data of each kind of message; None where it isn't taken.
FrameCalls: TypeAlias = dict[FrameKind, FrameCall | None]


def frame_calls(receive: Callable[..., Awaitable[None]]) -> FrameCalls:
    """Read from the signature which messages ``receive`` takes, and how.

    ``text_data`` and ``bytes_data`` are the names that count, and are passed by keyword, the
    missing one as None if it has no default. A single parameter of any other name takes text.
    """
    signature = inspect.signature(receive)
    return {
        "text": _call(receive, signature, "text_data") or _positional(receive, signature),
        "bytes": _call(receive, signature, "bytes_data"),
    }


def _call(
    receive: Callable[..., Awaitable[None]], signature: inspect.Signature, name: str
) -> FrameCall | None:
    if _fits(signature, **{name: None}):
        return lambda data: receive(**{name: data})
    if _fits(signature, text_data=None, bytes_data=None):
        return lambda data: receive(**{"text_data": None, "bytes_data": None, name: data})
    return None


def _positional(
    receive: Callable[..., Awaitable[None]], signature: inspect.Signature
) -> FrameCall | None:
    takes_text = "bytes_data" not in signature.parameters and _fits(signature, None)
    return receive if takes_text else None


def _fits(signature: inspect.Signature, *args: None, **kwargs: None) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
