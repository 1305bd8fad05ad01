"""Names, labels and help texts of metrics: the form of the table, and the engine's part of it.

Whoever adds figures to a worker's report (``ServerConfig.figures``) describes them in this form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Counter(NamedTuple):
    """A counter, or one for each value of a label."""

    name: str
    help: str
    label: str | None = None


class Gauge(NamedTuple):
    """A gauge of each worker, or of each other process."""

    name: str
    help: str


class Label(NamedTuple):
    """A text of each worker: a gauge that is 1, with the text as a label."""

    name: str
    help: str
    label: str


@dataclass(frozen=True)
class Descriptions:
    """Metrics by the names that their figures have in a worker's report.

    Attributes:
        counters: the report's ``counters``.
        gauges: the report's ``gauges``; ``a.b`` is the figure ``b`` among those of ``a``, and is
            left out where that is not reported.
        labels: those of the report's ``gauges`` that are texts.
        services: the ``gauges`` in reports of processes that aren't workers.
    """

    counters: dict[str, Counter] = field(default_factory=dict)
    gauges: dict[str, Gauge] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    services: dict[str, Gauge] = field(default_factory=dict)

    def __or__(self, other: Descriptions) -> Descriptions:
        return Descriptions(
            self.counters | other.counters,
            self.gauges | other.gauges,
            self.labels | other.labels,
            self.services | other.services,
        )


ENGINE = Descriptions(
    counters={
        "received": Counter("messages_received", "Messages from clients."),
        "sent": Counter("messages_sent", "Messages to clients."),
        "pages": Counter("pages", "Requests for pages, however they were answered."),
        "handshakes": Counter(
            "handshakes",
            "Finished handshakes by status: 101 is a WebSocket, 499 a client that left before.",
            "status",
        ),
        "refused": Counter("refusals", "Connections ended before a handshake or a page.", "status"),
        "closed": Counter(
            "closes", "Closed WebSockets by the code that the application was told.", "code"
        ),
        "cut_off": Counter(
            "cut_offs", "WebSockets closed for what their client did or did not do.", "reason"
        ),
    },
    gauges={
        "connections": Gauge("connections_open", "WebSockets that are open."),
        "inbox_depth": Gauge("inbox_depth", "Events and messages that wait for consumers."),
        "inbox_depth_max": Gauge("inbox_depth_max", "The most that wait for one consumer."),
        "unsent_bytes": Gauge("unsent_bytes", "Bytes that clients have not read yet."),
        "loop_delay": Gauge("loop_delay_seconds", "The event loop's longest delay in 30 seconds."),
    },
)
