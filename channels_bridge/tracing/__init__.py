"""Tracing: the trace of who sends a message goes on where the message is handled.

A layer whose CONFIG has ``trace_context`` is given a tracer by ``traced_layer``: ``open_telemetry``
and ``sentry`` have one each, and projects may have their own (``TraceContext``). Its headers travel
in the message's bytes (``carried_headers``, ``tracing_codec``), and ``traced_handlers`` opens the
trace around whatever handles the message. Where CONFIG asks for nothing, nothing of it runs for a
message.
"""

from __future__ import annotations

from channels_bridge.common.trace_context import Handling, Sending, TraceContext
from channels_bridge.tracing.traced_handlers import handling

__all__ = ["Handling", "Sending", "TraceContext", "handling"]
