"""Handlers of messages in the traces that the messages were sent in.

Each of these stands around what handles the messages of one consumer, or of one class of them, or
of one event stream, where its layer has a tracer.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from typing import Any

from channels.consumer import AsyncConsumer

from channels_bridge.common.trace_context import Handling, TraceContext
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.shared_frames import Make, Share
from channels_bridge.tracing.carried_headers import Carried, read
from channels_bridge.tracing.tracing_codec import TracedEvent

Event = Any
Dispatch = Callable[[Event], Awaitable[None]]
Handler = Callable[[Event], object]
Find = Callable[[Event], Handler]


def handling(
    tracer: TraceContext | None, event: Mapping[str, Any], handler: str
) -> AbstractContextManager[object]:
    """Return what stands around code that handles a message: its trace, or nothing.

    For messages that no consumer of this server handles: who calls ``receive()`` of a layer, and
    consumers under another server.

    ::

        message = await layer.receive("thumbnails")
        with handling(layer.tracer, message, "thumbnails.make"):
            ...

    Args:
        tracer: of the layer that the message comes from.
        event: the message, itself: a copy of the dict doesn't know where it comes from.
        handler: how to call that code.
    """
    carried = carried_by(event)
    if tracer is None or carried is None:
        return nullcontext()
    return tracer.handling(_describe(event, carried, handler), carried.headers)


def carried_by(event: object) -> Carried | None:
    """Return what travels beside a message that is yet to be handled; None if nothing does."""
    kind = type(event)
    if kind is TracedEvent:
        return event.carried  # type: ignore[attr-defined, no-any-return]
    # What its handler has made already, a SharedLogEvent, is of another type.
    return read(event.entry.payload) if kind is LogEvent else None  # type: ignore[attr-defined]


class TracedDispatch:
    """Stands around the dispatch of a consumer whose handlers run in its task.

    Args:
        dispatch: the consumer's.
    """

    __slots__ = ("_consumer", "_dispatch", "_tracer")

    def __init__(self, tracer: TraceContext, consumer: object, dispatch: Dispatch) -> None:
        self._tracer = tracer
        self._consumer = consumer
        self._dispatch = dispatch

    async def __call__(self, event: Event) -> None:
        carried = carried_by(event)
        if carried is None:
            await self._dispatch(event)
            return
        about = _describe(event, carried, _handler_of(type(self._consumer), event))
        with self._tracer.handling(about, carried.headers):
            await self._dispatch(event)


def traced_dispatch(layer: object, consumer: object, dispatch: Dispatch) -> Dispatch:
    """Return a consumer's dispatch with the traces of its messages, where its layer has a tracer.

    Args:
        layer: of any package.
    """
    if not isinstance(layer, BridgeChannelLayer) or layer.tracer is None:
        return dispatch
    return TracedDispatch(layer.tracer, consumer, dispatch)


def traced_find(tracer: TraceContext, consumer: object, find: Find) -> Find:
    """Return what finds a consumer's handlers that run in a thread, with their traces."""

    def find_traced(event: Event) -> Handler:
        handler, carried = find(event), carried_by(event)
        if carried is None:
            return handler
        about = _describe(event, carried, _handler_of(type(consumer), event))
        return functools.partial(_handle, tracer.handling(about, carried.headers), handler)

    return find_traced


def traced_make(
    tracer: TraceContext,
    runs_once: Callable[[type, Event], bool],
    make: Make,
    owner: type,
    event: Event,
) -> Share | None:
    """Make what a message's handler makes for all members of a class, in the message's trace.

    Nothing else is bound where it runs: that would be what whoever sends, or whoever has used the
    layer first, has bound by chance.

    Args:
        runs_once: whether there is such a handler. Where there isn't, ``make`` only says so.

    Returns:
        What ``make`` does; None where the tracer fails: each member's own handler meets that then.
    """
    carried = carried_by(event)
    if carried is None or not runs_once(owner, event):
        return make(owner, event)
    about = _describe(event, carried, _handler_of(owner, event), is_shared=True)

    def make_traced() -> Share | None:
        with tracer.handling(about, carried.headers):
            return make(owner, event)

    try:
        return Context().run(make_traced)
    except Exception:
        return None


def traced_render(tracer: TraceContext, render: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what renders the messages of an event stream, in their traces."""
    name = f"{getattr(render, '__module__', '?')}.{getattr(render, '__qualname__', '?')}"

    async def rendered(message: Any) -> Any:
        with handling(tracer, message, name):
            made = render(message)
            return await made if inspect.isawaitable(made) else made

    return rendered


def trace_consumers(layer: object) -> None:
    """Trace the Channels consumers of this process, which run as Channels runs them.

    Args:
        layer: of the messages. Without a tracer nothing is done.
    """
    if not isinstance(layer, BridgeChannelLayer) or layer.tracer is None:
        return
    call = AsyncConsumer.__call__

    async def traced(consumer: Any, scope: Any, receive: Any, send: Any) -> None:
        consumer.dispatch = traced_dispatch(layer, consumer, consumer.dispatch)
        await call(consumer, scope, receive, send)

    AsyncConsumer.__call__ = traced  # type: ignore[assignment, method-assign]


def _handle(trace: AbstractContextManager[object], handler: Handler, event: Event) -> object:
    with trace:
        return handler(event)


def _handler_of(owner: type, event: Mapping[str, Any]) -> str:
    name = str(event.get("type")).replace(".", "_")
    return f"{owner.__module__}.{owner.__qualname__}.{name}"


def _describe(
    event: Mapping[str, Any], carried: Carried, handler: str, *, is_shared: bool = False
) -> Handling:
    return Handling(
        handler,
        carried.destination,
        str(event.get("type", "")),
        is_shared,
        is_replay=getattr(event, "is_replay", False),
    )
