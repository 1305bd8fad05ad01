"""The tracer for OpenTelemetry: spans and links as its conventions for messaging have them.

A call that sends has a span of the kind PRODUCER, whose context travels with the message, through
whatever propagators the project has configured. A handler has a span of the kind CONSUMER. It is a
child of the span that is current where it runs, if there is one, as that of a connection, and links
to the sender's: one message may have thousands of handlers, and a client may get it much later.
``OpenTelemetryOneTrace`` has both the other way round, as the conventions allow.

Spans are named by the type of the message: names of groups are often those of users.

Only the API is needed. Without an SDK, or before one is set up, nothing is recorded and no headers
are sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from channels.exceptions import StopConsumer
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from channels_bridge.common.trace_context import Handling, Sending

SYSTEM = "channels"


class OpenTelemetry:
    """Makes spans by the tracer provider of the process, and links those of handlers."""

    #: Whether a handler's span is a child of the sender's. A replay's never is: a trace ends.
    is_one_trace: ClassVar[bool] = False

    def __init__(self) -> None:
        # It becomes the provider's when there is one: settings may be read before that.
        self._tracer = trace.get_tracer("channels_bridge")

    @contextmanager
    def sending(self, message: Sending) -> Iterator[Mapping[str, str]]:
        """Record a call that sends; its context is that of the message."""
        span = self._tracer.start_span(
            f"{message.method} {message.message_type}".rstrip(),
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.operation.name": message.method,
                "messaging.operation.type": "send",
                **_destination(*message.destinations),
            },
        )
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        try:
            yield headers
        except Exception as error:
            _record(span, error)
            raise
        finally:
            span.end()

    @contextmanager
    def handling(self, message: Handling, headers: Mapping[str, str]) -> Iterator[None]:
        """Record a handler, which finds this span and the sender's baggage when it looks."""
        here = context.get_current()
        # On top of what is here, but for the span: so the one that is found then is the sender's.
        there = propagate.extract(headers, trace.set_span_in_context(trace.INVALID_SPAN, here))
        span = self._start(message, here, there)
        token = context.attach(trace.set_span_in_context(span, there))
        try:
            yield
        except StopConsumer:  # the usual end of a consumer
            raise
        except Exception as error:
            _record(span, error)
            raise
        finally:
            context.detach(token)
            span.end()

    def _start(self, message: Handling, here: Context, there: Context) -> Span:
        joins = self.is_one_trace and not message.is_replay
        linked = (there, here) if joins else (there,)
        contexts = (trace.get_current_span(each).get_span_context() for each in linked)
        return self._tracer.start_span(
            f"process {message.message_type}".rstrip(),
            there if joins else here,
            SpanKind.CONSUMER,
            {
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "code.function.name": message.handler,
                "messaging.channels.shared": message.is_shared,
                "messaging.channels.replay": message.is_replay,
                **_destination(message.destination),
            },
            [Link(each) for each in contexts if each.is_valid],
        )


class OpenTelemetryOneTrace(OpenTelemetry):
    """Makes handlers part of the sender's trace, with links to it and to the connection's span.

    For messages that few members get: a trace has a span for each of them.
    """

    is_one_trace = True


def _destination(*names: str) -> dict[str, str | bool]:
    """Describe where a message goes, or what it came by."""
    attributes: dict[str, str | bool] = {"messaging.system": SYSTEM}
    if len(names) == 1 and names[0]:
        attributes["messaging.destination.name"] = names[0]
        if "!" in names[0]:  # a channel of one connection
            attributes["messaging.destination.temporary"] = True
    return attributes


def _record(span: Span, error: Exception) -> None:
    span.set_attribute("error.type", type(error).__qualname__)
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
