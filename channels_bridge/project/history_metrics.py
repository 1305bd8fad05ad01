"""Metrics of history and presence: names, labels and help texts for ``/metrics``.

Workers report theirs by ``history_figures``, the hub by its ``hub_report``.
"""

from __future__ import annotations

from channels_bridge.server.monitoring.descriptions import Counter, Descriptions, Gauge

DESCRIPTIONS = Descriptions(
    counters={
        "resumes": Counter(
            "resumes",
            "Groups that clients were told about when they joined, or missed something of.",
            "answer",
        ),
        "replayed": Counter(
            "replayed", "Messages that clients got from the history, as they had been away."
        ),
        "history_evictions": Counter(
            "history_evictions",
            "Messages that the hub has forgotten before their time, to keep to history_bytes.",
        ),
        "history_fetches": Counter(
            "history_fetches", "Logs that processes have asked the hub for, to follow a group."
        ),
    },
    gauges={
        "history.groups": Gauge("history_replicas", "Groups whose history the worker has."),
        "history.bytes": Gauge("history_replica_bytes", "What that history takes in the worker."),
        "history.behind": Gauge(
            "behind_members", "Consumers that are catching up with their groups."
        ),
    },
    services={
        "processes": Gauge("hub_processes", "Processes that the hub joins."),
        "history_groups": Gauge("history_groups", "Groups whose messages the hub keeps."),
        "history_messages": Gauge("history_messages", "Messages that the hub keeps."),
        "history_bytes": Gauge("history_bytes", "What these take in the hub."),
        "history_file_bytes": Gauge("history_file_bytes", "The size of the hub's file of them."),
        "history_on_disk": Gauge(
            "history_on_disk", "0 where history would be lost with the hub: the log says why."
        ),
        "presence_keys": Gauge("presence_keys", "Who is present, over all groups."),
    },
)
