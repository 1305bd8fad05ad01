"""Shared frames: group messages that look the same to every member.

A group handler usually makes the same text for each member, again and again. One that is marked
with ``shared_frame`` makes it once per process; it is encoded and framed once, and written to the
sockets without waking up the consumers.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeAlias

from channels_bridge.groups.message import handler_name

Content: TypeAlias = str | bytes | None
Event: TypeAlias = MutableMapping[str, Any]

#: What the handlers of each class have made of one message; None where there is nothing to share.
Made: TypeAlias = dict[type, tuple[Content] | None]


def shared_frame(method: Any) -> Any:
    """Mark a group handler whose output is the same for every member.

    ::

        class ChatConsumer(AsyncWebsocketConsumer):
            @shared_frame
            @classmethod
            def chat_message(cls, event):
                return json.dumps({"message": event["message"]})

    The handler returns what each member is to be sent: text as str, binary data as bytes, nothing
    as None. It is sent as it is, past a ``send()`` of the consumer's own. In our server the handler
    is called once per process and message, on the event loop, so it must not block. Elsewhere
    (under Daphne, with another channel layer, in ``WebsocketCommunicator``, or for a message to one
    channel) each member calls it for itself: slower, with the same outcome.

    Guarantees are those of any other handler: a member gets its messages in order, one that has
    something to do gets this one when it comes to it, and one that is full loses it. When the
    handler raises, it does so in each member.

    Args:
        method: a classmethod or staticmethod, as there is no ``self`` that it could be called with;
            not ``async``, as there is nobody to wait for it.

    Raises:
        TypeError: ``method`` is neither, or a coroutine function.
    """
    return SharedFrame(method)


class SharedFrame:
    """A handler that was marked with ``shared_frame``; a consumer has it like any other."""

    def __init__(self, method: Any) -> None:
        if not isinstance(method, classmethod | staticmethod):
            raise TypeError(
                f"shared_frame can't share {_name(method)}, which takes self: put "
                "@classmethod between the two"
            )
        if _is_async(method):
            raise TypeError(f"shared_frame can't wait for {_name(method)}: make it a plain def")
        self._method = method
        functools.update_wrapper(self, method.__func__)  # type: ignore[arg-type]

    def __get__(self, consumer: Any, owner: type) -> Any:
        if consumer is None:
            return self
        send = _send_sync if getattr(consumer, "_sync", False) else _send
        return functools.partial(send, self, consumer)

    def make(self, owner: type, event: Event) -> Content:
        """Return what each member is to be sent; ``owner`` is their class.

        Raises:
            TypeError: the handler returned what can't be sent.
        """
        if isinstance(event, SharedEvent):
            return event.content
        content = self._method.__get__(None, owner)(event)
        if content is None or isinstance(content, str | bytes):
            return content
        raise TypeError(
            f"{_name(self._method)} returned {type(content).__name__}: a shared frame is str or "
            "bytes, such as json.dumps() makes"
        )


class SharedEvent(dict[str, Any]):
    """An event that waits for its consumer, with what the handler has made of it."""

    def __init__(self, event: Event, content: Content) -> None:
        super().__init__(event)
        self.content = content


class Sharing:
    """Sends what one consumer's shared handlers have made.

    Args:
        owner: the consumer's class.
        is_idle: whether the consumer has nothing to do.
        send: sends at once, or returns False.
    """

    __slots__ = ("_is_idle", "_owner", "_send")

    def __init__(
        self, owner: type, is_idle: Callable[[], bool], send: Callable[[str | bytes], bool]
    ) -> None:
        self._owner = owner
        self._is_idle = is_idle
        self._send = send

    def __call__(self, made: Made, copies: Iterator[Event]) -> Event | None:
        """Deal with a group message.

        Args:
            made: what the members before this one have made of it.
            copies: the message, as often as it is asked for.

        Returns:
            What is to be put into the consumer's inbox; None where nothing is left to do.
        """
        owner = self._owner  # not make(): this is the way of each message to each member
        if owner not in made:
            made[owner] = _try_to_make(owner, next(copies))
        shared = made[owner]
        if shared is None:
            return next(copies)
        (content,) = shared
        if content is None or (self._is_idle() and self._send(content)):
            return None
        return SharedEvent(next(copies), content)

    def make(self, made: Made, copies: Iterator[Event]) -> tuple[Content] | None:
        """Return what the handler makes of a message, or has made of it; None: nothing to share."""
        owner = self._owner
        if owner not in made:
            made[owner] = _try_to_make(owner, next(copies))
        return made[owner]


@functools.lru_cache(maxsize=1024)
def has_shared(owner: Any) -> bool:
    """Whether a class has a shared handler."""
    return any(isinstance(getattr(owner, name, None), SharedFrame) for name in dir(owner))


def _try_to_make(owner: type, event: Event) -> tuple[Content] | None:
    """None where it isn't shared, or fails: each consumer then finds out for itself."""
    try:
        handler = getattr(owner, handler_name(event.get("type")), None)
        if not isinstance(handler, SharedFrame):
            return None
        content = handler.make(owner, event)
        if isinstance(content, str) and not content.isascii():
            content.encode()  # an error is the handler's, not of who sends to the group
        return (content,)
    except Exception:
        return None


async def _send(handler: SharedFrame, consumer: Any, event: Event) -> None:
    content = handler.make(type(consumer), event)
    if content is None:
        return
    if hasattr(consumer, "base_send"):
        await consumer.base_send(_send_event(content))
    else:  # of the native surface
        await consumer.send(content)


def _send_sync(handler: SharedFrame, consumer: Any, event: Event) -> None:
    content = handler.make(type(consumer), event)
    if content is not None:
        consumer.base_send(_send_event(content))


def _send_event(content: str | bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "text" if isinstance(content, str) else "bytes": content}


def _is_async(method: Any) -> bool:
    return inspect.iscoroutinefunction(method.__func__)


def _name(method: Any) -> str:
    return str(getattr(method, "__qualname__", repr(method)))
