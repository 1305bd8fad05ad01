"""Shared frames: group messages that look the same to every member.

A group handler usually makes the same text for each member, again and again. One that is marked
with ``shared_frame`` makes it once per process; it is encoded and framed once, and written to the
sockets without waking up the consumers.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from itertools import chain
from typing import Any, Protocol, TypeAlias

from channels_bridge.groups.message import handler_name

Content: TypeAlias = str | bytes | None
Event: TypeAlias = MutableMapping[str, Any]
Names: TypeAlias = tuple[str, str, str]


class Share:
    """What a handler has made of one message for all members of a class.

    Attributes:
        content: what they are sent.
        names: of a handler that nobody has marked: three attributes that its class is known to
            have, so that a consumer which has one of its own is another case. None where it is
            marked, and so runs for no consumer anyway.
        wakes_first: whether the first member's handler is to run all the same, for what is done
            before handlers.
    """

    __slots__ = ("content", "names", "wakes_first")

    def __init__(
        self, content: Content, names: Names | None = None, *, wakes_first: bool = False
    ) -> None:
        self.content = content
        self.names = names
        self.wakes_first = wakes_first


#: What the handlers of each class have made of one message; None where there is nothing to share.
Made: TypeAlias = dict[type, Share | None]
Make: TypeAlias = Callable[[type, Event], Share | None]


class Idle(Protocol):
    """A consumer's queue, as far as is needed here."""

    def is_idle(self) -> bool: ...


class Sending(Protocol):
    """A connection's sender; its ``send_now`` sends at once, or returns False."""

    def send_now(self, payload: str | bytes) -> bool: ...


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
    """Sends what the handlers of one consumer's class have made for all of its members.

    Args:
        consumer: whose messages these are.
        base_send: what it has been given to send by.
        inbox: the consumer's.
        sender: its connection's.
        make: returns what the handlers of a class make of a message, or None.
    """

    # Objects rather than their bound methods, which would take 64 bytes each in each connection.
    __slots__ = ("_base_send", "_consumer", "_inbox", "_make", "_sender")

    def __init__(
        self, consumer: Any, base_send: Any, inbox: Idle, sender: Sending, make: Make
    ) -> None:
        self._consumer = consumer
        self._inbox = inbox
        self._sender = sender
        self._make = make
        self._base_send = base_send

    def __call__(self, made: Made, copies: Iterator[Event]) -> Event | None:
        """Deal with a group message.

        Args:
            made: what the members before this one have made of it.
            copies: the message, as often as it is asked for.

        Returns:
            What is to be put into the consumer's inbox; None where nothing is left to do.
        """
        consumer = self._consumer  # not share(): this is the way of each message to each member
        try:
            share = made[type(consumer)]
        except KeyError:
            share = self._make_share(made, copies)
        if share is None:
            return next(copies)
        if share.names is not None:
            own, (one, two, three) = consumer.__dict__, share.names
            if (
                one not in own
                and two not in own
                and three not in own
                and consumer.base_send is self._base_send
                and self._inbox.is_idle()
                and self._sender.send_now(share.content)  # type: ignore[arg-type]
            ):
                return None
            return next(copies)
        content = share.content
        if content is None or (self._inbox.is_idle() and self._sender.send_now(content)):
            return None
        return SharedEvent(next(copies), content)

    def share(self, made: Made, copies: Iterator[Event]) -> Share | None:
        """Return what is made of a message for this member; None where its handler has to run."""
        consumer = self._consumer
        if type(consumer) in made:
            share = made[type(consumer)]
        else:
            share = self._make_share(made, copies)
        if share is None or share.names is None:
            return share
        is_own = not consumer.__dict__.keys().isdisjoint(share.names)
        return None if is_own or consumer.base_send is not self._base_send else share

    def _make_share(self, made: Made, copies: Iterator[Event]) -> Share | None:
        """Have a handler make its share, for this member and others of its class."""
        owner = type(self._consumer)
        made[owner] = share = self._make(owner, next(copies))
        return None if share is not None and share.wakes_first else share


@functools.lru_cache(maxsize=1024)
def has_shared(owner: Any) -> bool:
    """Whether a class has a shared handler, of its own or from one of its bases.

    Other attributes are not touched: a lazy object, or a property of the class, may make a query.
    """
    entries = chain.from_iterable(vars(cls).values() for cls in owner.__mro__)
    return any(issubclass(type(entry), SharedFrame) for entry in entries)


def make_marked(owner: type, event: Event) -> Share | None:
    """Return what a handler that is marked with ``shared_frame`` makes of a message for its class.

    Returns:
        None where it isn't marked, or fails: each consumer then finds out for itself.
    """
    try:
        handler = getattr(owner, handler_name(event.get("type")), None)
        if not isinstance(handler, SharedFrame):
            return None
        return Share(sendable(handler.make(owner, event)))
    except Exception:
        return None


def sendable(content: Content) -> Content:
    """Return a handler's content, which can be sent.

    Raises:
        UnicodeEncodeError: it can't: an error of the handler's, not of who sends to the group.
    """
    if isinstance(content, str) and not content.isascii():
        content.encode()
    return content


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
