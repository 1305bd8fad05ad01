"""A worker's figures of its channel layers: ``ServerConfig.figures``.

``group_metrics`` has the names under which ``/metrics`` shows these figures.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.layer_statistics import LayerStatistics, LinkStatistics
from channels_bridge.groups.made_layers import group_label, made_layers
from channels_bridge.project import history_figures
from channels_bridge.project.handler_report import report_handlers
from channels_bridge.server.child.questions import Message

#: Groups of one worker that are reported at most. What is too small to be among them in one worker
#: may be missing from a group's size over all workers.
MAX_GROUPS = 1000

#: Counters of links, to a hub or to NATS.
LINK_COUNTERS = ("reconnects", "missed", "gaps", "recovered", "resent", "dropped")


async def figures(question: Message) -> Message:
    """Report the layers that this process has used so far; a ``Figures`` of the engine.

    Args:
        question: with ``handlers`` the group handlers of consumers are reported, too; with
            ``group_search`` only groups are named that have this in their names.
    """
    layers = dict(made_layers())
    statistics = [layer.statistics() for layer in layers.values()]
    sizes = _group_sizes(layers)
    message: Message = {
        "counters": _counters(statistics),
        "gauges": {
            "groups": len(sizes),
            "members": sum(sizes.values()),
            **_link_gauges(statistics),
            "history": history_figures.gauge(statistics),
        },
    }
    if question.get("top"):
        wanted = str(question.get("group_search") or "").lower()
        named = (item for item in sizes.items() if wanted in item[0].lower())
        largest = heapq.nlargest(MAX_GROUPS, named, key=lambda item: item[1])
        message["groups"] = dict(largest)
    if question.get("handlers"):
        message["handlers"] = await report_handlers()
    return message


def _counters(layers: Sequence[LayerStatistics]) -> Message:
    links = _links(layers)
    hubs = _to_hubs(links)
    return {
        "group_sends": sum(layer.group_sends for layer in layers),
        "drops": {
            "inbox_full": sum(layer.messages_dropped for layer in layers),
            "history": history_figures.drops(layers),
        },
        **history_figures.counters(layers),
        "hub_reconnects": sum(link.reconnects for link in hubs),
        "hub_misses": sum(link.missed for link in hubs),
        **{f"link_{name}": sum(getattr(link, name) for link in links) for name in LINK_COUNTERS},
    }


def _link_gauges(layers: Iterable[LayerStatistics]) -> Message:
    links = _links(layers)
    hubs = _to_hubs(links)
    return {"hub": _hub(hubs) if hubs else None, "link": _link(links) if links else None}


def _links(layers: Iterable[LayerStatistics]) -> list[LinkStatistics]:
    return [layer.link for layer in layers if layer.link is not None]


def _to_hubs(links: Iterable[LinkStatistics]) -> list[LinkStatistics]:
    return [link for link in links if link.engine == "hub"]


def _group_sizes(layers: Mapping[str, BridgeChannelLayer]) -> dict[str, int]:
    """Count members by group, under the project's names: without the layer's prefix."""
    sizes: dict[str, int] = {}
    for alias, layer in layers.items():
        sizes |= {group_label(alias, name): size for name, size in layer.group_sizes().items()}
    return sizes


def _hub(links: list[LinkStatistics]) -> Message:
    """Sum up the links to all hubs: as a rule, a project has one."""
    return {
        "connected": all(link.connected for link in links),
        "unacknowledged": sum(link.unacknowledged for link in links),
        "unacknowledged_bytes": sum(link.unacknowledged_bytes for link in links),
        "lag": max(link.lag for link in links),
    }


def _link(links: list[LinkStatistics]) -> Message:
    """Sum up what any link has, and what those to NATS have; None where it is not known."""
    return {
        "engine": _names(link.engine for link in links),
        "connected": all(link.connected for link in links),
        "node": _names(link.node for link in links),
        "round_trip": max(_known(link.round_trip for link in links), default=None),
        "waiting_bytes": sum(link.waiting_bytes for link in links),
        "kept_bytes": sum(link.kept_bytes for link in links),
        "window": min(_known(link.window for link in links), default=None),
        "silent_nodes": {
            name: round(age, 3) for link in links for name, age in link.silent_nodes.items()
        },
    }


def _names(names: Iterable[str | None]) -> str | None:
    return ", ".join(dict.fromkeys(filter(None, names))) or None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
