"""Metrics of channel layers: names, labels and help texts for ``/metrics``, sums for the status.

The supervisor reads them, where no layer is ever made: what workers report is in ``figures``.
"""

from __future__ import annotations

from collections import Counter as Sizes
from collections.abc import Iterable

from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.descriptions import Counter, Descriptions, Gauge

#: Of the figures that ``figures.figures()`` reports.
DESCRIPTIONS = Descriptions(
    counters={
        "drops": Counter("drops", "Messages to groups that did not reach a member.", "reason"),
        "group_sends": Counter("group_sends", "Messages sent to groups."),
        "hub_reconnects": Counter("hub_reconnects", "New connections to the hub after a lost one."),
        "hub_misses": Counter("hub_misses", "Absences so long that members have missed messages."),
    },
    gauges={
        "groups": Gauge("groups", "Groups with members in the worker."),
        "members": Gauge("group_members", "Memberships of the worker's consumers."),
        "hub.connected": Gauge("hub_connected", "Whether the worker is connected to the hub."),
        "hub.unacknowledged": Gauge(
            "hub_unacknowledged", "Requests that the hub has not answered."
        ),
        "hub.unacknowledged_bytes": Gauge(
            "hub_unacknowledged_bytes", "Size of the requests that the hub has not answered."
        ),
        "hub.lag": Gauge(
            "hub_lag_seconds", "Age of the oldest request that the hub has not answered."
        ),
    },
)


def summarize(answers: Iterable[Message], top: int) -> Message:
    """Add up the largest groups of all workers; a ``Summarize`` of the engine."""
    sizes: Sizes[str] = Sizes()
    for answer in answers:
        sizes.update(answer.get("groups", {}))
    largest = sizes.most_common(top)
    return {"groups": [{"group": group, "members": members} for group, members in largest]}
