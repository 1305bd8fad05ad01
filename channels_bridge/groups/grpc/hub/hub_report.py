"""A hub's figures, for metrics and ``websockets_status``."""

from __future__ import annotations

from typing import Any

from channels_bridge.groups.grpc.hub.exchange import Exchange


class HubReport:
    """Answers the supervisor, in the form of a worker's report.

    Attributes:
        exchange: of the hub; None before it serves, and while it stands by.
    """

    def __init__(self) -> None:
        self.exchange: Exchange | None = None

    async def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        if self.exchange is None:
            return {}
        history = self.exchange.history_figures()
        gauges: dict[str, float] = {
            "processes": len(self.exchange.processes),
            "history_groups": history["groups"],
            "history_messages": history["messages"],
            "history_bytes": history["bytes"],
            "history_file_bytes": history["file_bytes"],
            "presence_keys": self.exchange.rolls.attendance.keys,
        }
        if history["groups"]:  # where nothing is kept, nothing can be lost
            gauges["history_on_disk"] = history["is_on_disk"]
        counters = {
            "history_evictions": history["evictions"],
            "history_fetches": history["follows"],
        }
        return {"gauges": gauges, "counters": counters}
