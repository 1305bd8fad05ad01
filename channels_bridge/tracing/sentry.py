"""The tracer for Sentry: handlers and their errors belong to the trace of who has sent the message.

It is for projects that trace with Sentry's SDK itself. Those whose spans are OpenTelemetry's, and
go to Sentry from there, take that tracer.

A call that sends is a span ``queue.publish``. A handler is a transaction ``queue.process`` that
continues the trace. It has an isolation scope of its own: tags, a user and breadcrumbs that the
consumer has set are there, and what the handler sets ends with it. Without tracing in Sentry,
errors alone have the sender's trace.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import sentry_sdk
from channels.exceptions import StopConsumer
from sentry_sdk.utils import event_from_exception

from channels_bridge.common.trace_context import Handling, Sending

PUBLISH, PROCESS = "queue.publish", "queue.process"

#: Where spans come from, as Sentry shows it.
ORIGIN = "auto.queue.channels_bridge"

MECHANISM = {"type": "channels_bridge", "handled": False}

Data = Mapping[str, str | bool]


class Sentry:
    """Makes spans by the client that ``sentry_sdk.init()`` has set up."""

    @contextmanager
    def sending(self, message: Sending) -> Iterator[Mapping[str, str]]:
        """Record a call that sends; its context is that of the message."""
        spans = _spans()
        name = f"{message.method} {message.message_type}".rstrip()
        span = spans.publish(name, _data(", ".join(message.destinations)))
        is_failed = True
        try:
            yield _headers_of(span)
            is_failed = False
        finally:
            spans.end(span, is_failed=is_failed)

    @contextmanager
    def handling(self, message: Handling, headers: Mapping[str, str]) -> Iterator[None]:
        """Record a handler, and report what it raises."""
        data = _data(message.destination, shared=message.is_shared, replay=message.is_replay)
        stop: StopConsumer | None = None
        with sentry_sdk.isolation_scope():
            with _spans().process(message.handler, data, dict(headers)):
                try:
                    yield
                except StopConsumer as end:  # the usual end of a consumer, which is no error
                    stop = end
                except Exception:
                    # Here, where it belongs to the trace: it is not reported again as it is logged.
                    _report()
                    raise
        if stop is not None:
            raise stop


class _Spans(Protocol):
    """How Sentry's client makes spans. They are bound to no scope, but for what is entered."""

    def publish(self, name: str, data: Data) -> Any: ...

    def end(self, span: Any, *, is_failed: bool) -> None: ...

    def process(
        self, name: str, data: Data, headers: dict[str, str]
    ) -> AbstractContextManager[object]: ...


class _Transactions:
    """Spans are sent with the transaction that they are part of, at its end."""

    def publish(self, name: str, data: Data) -> Any:
        span = sentry_sdk.start_span(op=PUBLISH, name=name, origin=ORIGIN)
        _describe(span, data)
        return span

    def end(self, span: Any, *, is_failed: bool) -> None:
        if is_failed:
            span.set_status("internal_error")
        span.finish()

    def process(
        self, name: str, data: Data, headers: dict[str, str]
    ) -> AbstractContextManager[object]:
        going_on = sentry_sdk.continue_trace(headers, PROCESS, name, "component", ORIGIN)
        transaction = sentry_sdk.start_transaction(going_on)
        _describe(transaction, data)
        return transaction


class _Streams:
    """Spans are sent for themselves: ``trace_lifecycle="stream"``."""

    def publish(self, name: str, data: Data) -> Any:
        from sentry_sdk import traces  # earlier releases have no such thing

        attributes: dict[str, Any] = {"sentry.op": PUBLISH, "sentry.origin": ORIGIN, **data}
        return traces.start_span(name, attributes, active=False)

    def end(self, span: Any, *, is_failed: bool) -> None:
        if is_failed:
            span.status = "error"
        span.end()

    def process(
        self, name: str, data: Data, headers: dict[str, str]
    ) -> AbstractContextManager[object]:
        from sentry_sdk import traces

        traces.continue_trace(headers)
        attributes: dict[str, Any] = {"sentry.op": PROCESS, "sentry.origin": ORIGIN, **data}
        return traces.start_span(name, attributes, parent_span=None)


def _spans() -> _Spans:
    options = sentry_sdk.get_client().options
    lifecycle = options.get("trace_lifecycle")
    if lifecycle is None:  # of earlier releases
        lifecycle = (options.get("_experiments") or {}).get("trace_lifecycle")
    return _Streams() if lifecycle == "stream" else _Transactions()


def _headers_of(span: Any) -> dict[str, str]:
    scope = sentry_sdk.get_current_scope()
    # A span that is part of no transaction isn't sent, so nobody can go on from it.
    return dict(scope.iter_trace_propagation_headers(span=span)) or dict(
        scope.iter_trace_propagation_headers()
    )


def _data(destination: str, **flags: bool) -> Data:
    data: dict[str, str | bool] = {"messaging.system": "channels"}
    if destination:
        data["messaging.destination.name"] = destination
    return {**data, **{f"channels.{name}": flag for name, flag in flags.items()}}


def _describe(span: Any, data: Data) -> None:
    for name, value in data.items():
        span.set_data(name, value)


def _report() -> None:
    options = sentry_sdk.get_client().options
    event, hint = event_from_exception(
        sys.exc_info(), client_options=options, mechanism=dict(MECHANISM)
    )
    sentry_sdk.capture_event(event, hint=hint)
