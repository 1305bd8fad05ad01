"""A layer that traces: its tracer, its codec, and a span around each call that sends.

They take the place of what the layer has, and only where CONFIG asks for it, so that no other layer
does anything more for a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from channels_bridge.common.trace_context import Sending, TraceContext
from channels_bridge.groups.home.sync_calls import waits_outside
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.message import GroupMessage
from channels_bridge.tracing.carried_headers import Carried
from channels_bridge.tracing.tracing_codec import TracedEvent, TracedGroupMessage, TracingCodec

#: Tracers by their short names, and what each needs to be installed.
TRACERS = {
    "opentelemetry": ("channels_bridge.tracing.open_telemetry.OpenTelemetry", "opentelemetry-api"),
    "sentry": ("channels_bridge.tracing.sentry.Sentry", "sentry-sdk"),
}

Message = dict[str, Any] | GroupMessage


def trace(layer: BridgeChannelLayer, name: str) -> None:
    """Have a layer carry trace context, which is ``TRACE`` of ``common.trace_context``.

    Args:
        name: of the tracer, as CONFIG has it.

    Raises:
        ImproperlyConfigured: there is no such tracer, or what it needs isn't installed.
    """
    layer.tracer = tracer = make_tracer(name)
    layer._codec = TracingCodec(layer.config.max_message_size)
    sends = _TracedSends(layer, tracer)
    for method in ("send", "send_many", "group_send", "group_send_many"):
        setattr(layer, method, getattr(sends, method))


def make_tracer(name: str) -> TraceContext:
    """Make the tracer of a short name, or of a dotted path.

    Raises:
        ImproperlyConfigured: see ``trace()``.
    """
    path, package = TRACERS.get(name, (name, None))
    try:
        make = import_string(path)
    except ImportError as error:
        advice = f"install {package}" if package else f"write one of {', '.join(TRACERS)}, or "
        if package is None:
            advice += "the dotted path of a class with the methods of channels_bridge.tracing."
            advice += "TraceContext"
        raise ImproperlyConfigured(
            f"CONFIG key 'trace_context': cannot import {path!r} ({error}): {advice}"
        ) from error
    tracer: TraceContext = make()
    return tracer


class _TracedSends:
    """The methods of a layer that send, each with a span around it.

    Args:
        layer: whose methods they are, as its class has them.
        tracer: makes the spans.
    """

    def __init__(self, layer: BridgeChannelLayer, tracer: TraceContext) -> None:
        self._send = layer.send
        self._send_many = layer.send_many
        self._group_send = layer.group_send
        self._group_send_many = layer.group_send_many
        self._tracer = tracer

    @waits_outside
    async def send(self, channel: str, message: Message) -> None:
        """See the layer's."""
        with self._sending("send", (channel,), message) as traced:
            await self._send(channel, traced)

    @waits_outside
    async def send_many(self, channels: Iterable[str], message: Message) -> None:
        """See the layer's."""
        names = _listed(channels)
        with self._sending("send_many", names, message) as traced:
            await self._send_many(names, traced)

    @waits_outside
    async def group_send(self, group: str, message: Message) -> None:
        """See the layer's."""
        with self._sending("group_send", (group,), message) as traced:
            await self._group_send(group, traced)

    @waits_outside
    async def group_send_many(self, groups: Iterable[str], message: Message) -> None:
        """See the layer's."""
        names = _listed(groups)
        with self._sending("group_send_many", names, message) as traced:
            await self._group_send_many(names, traced)

    @contextmanager
    def _sending(
        self, method: str, destinations: Iterable[str], message: Message
    ) -> Iterator[Message]:
        """Yield the message with what the tracer has made for it."""
        names = tuple(map(str, destinations))
        with self._tracer.sending(Sending(method, names, _type_of(message))) as headers:
            yield _traced(message, Carried(headers, names[0] if len(names) == 1 else ""))


def _listed(names: Iterable[str]) -> Iterable[str]:
    """Return names that can be gone through twice; text is an error, which the layer words."""
    return names if isinstance(names, str | bytes) else list(names)


def _type_of(message: Any) -> str:
    found = message.type if isinstance(message, GroupMessage) else None
    if isinstance(message, dict):
        found = message.get("type")
    return found if isinstance(found, str) else ""


def _traced(message: Message, carried: Carried) -> Message:
    """Return a message with what travels beside it; what is none, the layer complains of."""
    if isinstance(message, GroupMessage):
        return TracedGroupMessage(message.type, message.message, message.params, carried)
    return TracedEvent(message, carried) if isinstance(message, dict) else message
