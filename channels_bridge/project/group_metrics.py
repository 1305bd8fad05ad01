"""Metrics of channel layers: names, labels and help texts for ``/metrics``, sums for the status.

The supervisor reads them, where no layer is ever made: what workers report is in ``figures``.
"""

from __future__ import annotations

from collections import Counter as Sizes
from collections.abc import Iterable
from typing import Any

from channels_bridge.project import history_metrics
from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.descriptions import Counter, Descriptions, Gauge, Label

#: Of the figures that ``figures.figures()`` and hubs report.
DESCRIPTIONS = history_metrics.DESCRIPTIONS | Descriptions(
    counters={
        "drops": Counter("drops", "Messages to groups that did not reach a member.", "reason"),
        "group_sends": Counter("group_sends", "Messages sent to groups."),
        "hub_reconnects": Counter("hub_reconnects", "New connections to the hub after a lost one."),
        "hub_misses": Counter("hub_misses", "Absences so long that members have missed messages."),
        "link_reconnects": Counter(
            "link_reconnects", "New connections to the hub or to NATS after a lost one."
        ),
        "link_missed": Counter(
            "link_missed",
            "Messages from other processes that members have missed; of a hub, absences in which "
            "they may have.",
        ),
        "link_gaps": Counter("link_gaps", "Gaps that were found in what comes over NATS."),
        "link_recovered": Counter(
            "link_recovered", "Messages that came over NATS after all, when they were asked for."
        ),
        "link_resent": Counter(
            "link_resent", "Messages sent again over NATS as others missed them."
        ),
        "link_dropped": Counter(
            "link_dropped",
            "Messages not written to NATS while it was away; those who miss them ask.",
        ),
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
        "link.connected": Gauge(
            "link_connected", "Whether the worker is connected to the hub or to NATS."
        ),
        "link.round_trip": Gauge(
            "link_round_trip_seconds", "Time from a PING to the node of NATS until its PONG."
        ),
        "link.waiting_bytes": Gauge(
            "link_waiting_bytes", "Bytes that are not written to the node of NATS yet."
        ),
        "link.kept_bytes": Gauge(
            "link_kept_bytes", "Copies of what was sent over NATS, for those who miss it."
        ),
        "link.window": Gauge(
            "link_window_seconds", "How far the copies reach back: longer failures lose messages."
        ),
    },
    labels={
        "link.node": Label(
            "link_node", "The node of NATS that the worker is connected to.", "node"
        ),
    },
)


def summarize(answers: Iterable[Message], top: int) -> Message:
    """Add up the largest groups of all workers; a ``Summarize`` of the engine.

    Where workers were asked for their group handlers, each is named once.
    """
    sizes: Sizes[str] = Sizes()
    handlers: dict[tuple[Any, ...], Message] | None = None
    for answer in answers:
        sizes.update(answer.get("groups", {}))
        if "handlers" in answer:
            rows = {tuple(row.values()): row for row in answer["handlers"]}
            handlers = {**(handlers or {}), **rows}
    largest = sizes.most_common(top)
    summary: Message = {"groups": [{"group": name, "members": count} for name, count in largest]}
    if handlers is not None:
        summary["handlers"] = list(handlers.values())
    return summary
