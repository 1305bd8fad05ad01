"""Hints for handlers of consumers that are misspelt, or not awaited as they are written.

Such a mistake is found when a message comes, in code that is not the project's, and Python's error
doesn't name the handler.
"""

from __future__ import annotations

import difflib
import inspect
import traceback
from collections.abc import Coroutine, Iterator, Sequence
from types import FrameType
from typing import Any

#: For a message whose type can't be the name of a method.
TYPE = 'its "type" names the method of the consumer that gets it: "chat.message" for chat_message()'

_CHANNELS, _OWN = "channels", "channels_bridge"

#: What awaits handlers here, and what may stand around it.
_RUN_LOOP = ("channels_bridge.runloop.", "channels_bridge.resume.")


def no_handler(consumer: object, type: object, name: str) -> str:
    """Say which handler a consumer doesn't have; the first words are Channels'.

    Args:
        type: of the message.
        name: of the method that it asks for.
    """
    close = difflib.get_close_matches(name, _own_methods(consumer), n=1, cutoff=0.7)
    instead = f"did you mean {close[0]}()?" if close else "write it, or send another type"
    owner = _name(consumer)
    return f"No handler for message type {type}: {owner} has no method {name}(); {instead}"


def not_async(consumer: object, handler: str, error: TypeError) -> str | None:
    """Say which method of an asynchronous consumer was awaited and isn't async; None if none was.

    Args:
        handler: the method that was called for the message.
        error: what came of it.
    """
    frame = list(traceback.walk_tb(error.__traceback__))[-1][0]
    plain = (name for name in _awaited_in(frame, handler) if _is_plain(consumer, name))
    if (name := next(plain, None)) is None:
        return None
    return (
        f"{_name(consumer)}.{name}() is not async, but is awaited, as its class is asynchronous: "
        f"write `async def {name}`"
    )


def not_awaited(returned: object) -> str | None:
    """Say which method of a synchronous consumer is async, by what it returned, and close that.

    None for all but coroutines.
    """
    if not isinstance(returned, Coroutine):
        return None
    returned.close()
    name: str = getattr(returned, "__qualname__", "a handler")
    owner, _, method = name.rpartition(".")
    return describe_async(owner, method)


def describe_async(owner: str, method: str) -> str:
    """Say that a method of a synchronous consumer is async, and what to write.

    Args:
        owner: the name of its class.
    """
    return (
        f"{owner}.{method}() is async, but nothing awaits it, as its class is synchronous: "
        f"write `def {method}`, or derive the class from an asynchronous consumer"
    )


def _awaited_in(frame: FrameType, handler: str) -> Sequence[str]:
    """What code that is not the project's may have awaited, where that has raised an error."""
    module = str(frame.f_globals.get("__name__"))
    if module.partition(".")[0] == _CHANNELS:
        return [handler, *frame.f_code.co_names]
    return [handler] if module.startswith(_RUN_LOOP) else []


def _is_plain(consumer: object, name: str) -> bool:
    """Whether a method is the project's own and a plain function, which no decorator has made."""
    method: Any = inspect.getattr_static(type(consumer), name, None)
    if not inspect.isfunction(method) or hasattr(method, "__wrapped__"):
        return False
    return not inspect.iscoroutinefunction(method) and not _is_of_channels(method)


def _own_methods(consumer: object) -> Iterator[str]:
    for name in dir(type(consumer)):
        method = inspect.getattr_static(type(consumer), name)
        if inspect.isfunction(method) and name[0] != "_" and not _is_of_channels(method):
            yield name


def _is_of_channels(method: Any) -> bool:
    return str(method.__module__).partition(".")[0] in (_CHANNELS, _OWN)


def _name(consumer: object) -> str:
    return f"{type(consumer).__module__}.{type(consumer).__qualname__}"
