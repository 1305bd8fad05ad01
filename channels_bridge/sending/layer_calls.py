"""Calls of a channel layer's methods that send, in synchronous code and on an event loop.

``async_to_sync(layer.group_send)`` does the same as ``group_send()`` here. The latter says where it
would block an event loop, and costs less.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ParamSpec

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.common.blocking_calls import require_no_event_loop
from channels_bridge.exceptions import ChannelFull, ChannelsFull
from channels_bridge.groups import GroupMessage
from channels_bridge.groups.home import sync_calls
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.transport import get_channel_layer

P = ParamSpec("P")

Message = dict[str, Any] | GroupMessage


async def agroup_send(group: str, message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Give a message to all members of a group.

    Outside of a server's workers it returns once all processes with members have the message, or,
    over NATS, once a node has: so it survives that its sender exits. In a worker it returns once it
    is queued. Messages of one sender arrive in their order.

    Args:
        message: a dict with a ``type``, or a ``GroupMessage``.
        alias: of the channel layer.

    Raises:
        ImproperlyConfigured: there is no such layer.
        TypeError: the name of the group isn't valid, or the message can't be sent.
        MessageTooLarge: the message is.
        TransportUnavailable: other processes can't be reached. With other layers, their errors.
    """
    await _layer(alias).group_send(group, message)


def group_send(group: str, message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Give a message to all members of a group, in synchronous code; see ``agroup_send()``.

    Threads may call it at the same time, and forked processes; those of one process share what they
    write. In a thread of a worker it waits for the event loop only while too much is queued.

    Raises:
        RuntimeError: it would block an event loop.
        LoopBlocked: it had to wait for a worker's event loop, which is blocked.
    """
    _finish(agroup_send)(group, message, alias=alias)


async def agroup_send_many(
    groups: Iterable[str], message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER
) -> None:
    """Give one message to all members of several groups, as ``agroup_send()`` to each in turn.

    It is encoded once, and the other processes are waited for together. A member of two groups gets
    it twice.
    """
    layer = _layer(alias)
    if isinstance(layer, BridgeChannelLayer):
        await layer.group_send_many(groups, message)
        return
    for group in _names(groups, "groups"):
        await layer.group_send(group, message)


def group_send_many(
    groups: Iterable[str], message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER
) -> None:
    """Give one message to several groups, in synchronous code; see ``agroup_send_many()``."""
    _finish(agroup_send_many)(groups, message, alias=alias)


async def asend(channel: str, message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Put a message into a channel; return once it is there.

    Args:
        message: a dict with a ``type``, or a ``GroupMessage``.
        alias: of the channel layer.

    Raises:
        ImproperlyConfigured: there is no such layer.
        ChannelFull: ``capacity`` messages wait in the channel already.
        TransportUnavailable: whoever keeps the channel can't be reached.
    """
    await _layer(alias).send(channel, message)


def send(channel: str, message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Put a message into a channel, in synchronous code; see ``asend()``."""
    _finish(asend)(channel, message, alias=alias)


async def asend_many(
    channels: Iterable[str], message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER
) -> None:
    """Put one message into several channels; return once it is in all that have room.

    Raises:
        ChannelsFull: some are full; ``channels`` says which. The others have got it.
        TransportUnavailable: whoever keeps some of them can't be reached.
    """
    layer = _layer(alias)
    if isinstance(layer, BridgeChannelLayer):
        await layer.send_many(channels, message)
        return
    full = []
    for channel in _names(channels, "channels"):
        try:
            await layer.send(channel, message)
        except ChannelFull:
            full.append(channel)
    if full:
        raise ChannelsFull(full)


def send_many(
    channels: Iterable[str], message: Message, *, alias: str = DEFAULT_CHANNEL_LAYER
) -> None:
    """Put one message into several channels, in synchronous code; see ``asend_many()``."""
    _finish(asend_many)(channels, message, alias=alias)


def _finish(function: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Return what runs one of these functions to its end in this thread."""

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        require_no_event_loop(function.__name__[1:], function.__name__)
        alias: Any = kwargs["alias"]
        if isinstance(_layer(alias), BridgeChannelLayer):
            sync_calls.finish(function(*args, **kwargs))
        else:
            async_to_sync(function)(*args, **kwargs)

    return call


def _layer(alias: str) -> Any:
    layer = get_channel_layer(alias)
    if layer is None:
        raise ImproperlyConfigured(
            f'there is no channel layer "{alias}": add it to CHANNEL_LAYERS, with '
            f'"channels_bridge.layers.GrpcChannelLayer" as its BACKEND'
        )
    return layer


def _names(names: Iterable[str], argument: str) -> list[str]:
    if isinstance(names, (str, bytes)):
        raise TypeError(f"{argument} must be a list of names, not {names!r}: write [{names!r}]")
    return list(names)
