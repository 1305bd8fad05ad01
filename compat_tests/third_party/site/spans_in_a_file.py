"""OpenTelemetry with its instrumentation of Django, as a project's settings set it up.

Spans are exported in batches that take longer than the test: those of a worker when it ends.
"""

import json
import os

from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class FileExporter(SpanExporter):
    """Writes a line for each span, in any process."""

    def export(self, spans):
        with open(os.environ["THIRD_PARTY_SPANS"], "a") as file:
            file.writelines(json.dumps(describe(span)) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


def describe(span):
    return {
        "name": span.name,
        "kind": span.kind.name,
        "pid": os.getpid(),
        "trace": span.context.trace_id,
        "span": span.context.span_id,
        "parent": span.parent and span.parent.span_id,
        "links": [link.context.span_id for link in span.links],
    }


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(FileExporter(), schedule_delay_millis=600_000))
trace.set_tracer_provider(provider)
DjangoInstrumentor().instrument()
