"""What a worker reports of its links to other processes, and how it is shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from channels_bridge.groups.layer_statistics import (
    HistoryStatistics,
    LayerStatistics,
    LinkStatistics,
)
from channels_bridge.management.commands.websockets_status import (
    render_handlers,
    render_service,
    worker_row,
)
from channels_bridge.project import figures as project_figures
from channels_bridge.project import group_metrics
from channels_bridge.resume import resume_counters as resume
from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.monitoring.metrics import PREFIX, Metrics

ALL_ANSWERED = {"unacknowledged": 0, "unacknowledged_bytes": 0, "lag": 0.0}

HUB = LinkStatistics(connected=True, reconnects=1, missed=2, **ALL_ANSWERED)
NATS = LinkStatistics(
    connected=True,
    reconnects=3,
    missed=4,
    **ALL_ANSWERED,
    engine="nats",
    node="n1",
    round_trip=0.0004,
    waiting_bytes=5,
    dropped=6,
    gaps=7,
    recovered=8,
    resent=9,
    kept_bytes=10,
    window=15.0,
    silent_nodes={"n3": 12.3456},
)
PROCESS = SimpleNamespace(name="worker", pid=1)

AWAY = LinkStatistics(connected=False, reconnects=0, missed=0, **ALL_ANSWERED, engine="nats")


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says what a worker reports whose layers have these links."""

    def report(*links: LinkStatistics | None) -> Message:
        layers = {str(number): layer_with(link) for number, link in enumerate(links)}
        monkeypatch.setattr(project_figures, "made_layers", lambda: iter(layers.items()))
        return asyncio.run(project_figures.figures({}))

    return report


def layer_with(
    link: LinkStatistics | None, history: HistoryStatistics | None = None
) -> SimpleNamespace:
    statistics = LayerStatistics(group_sends=1, messages_dropped=2, link=link, history=history)
    return SimpleNamespace(statistics=lambda: statistics, group_sizes=dict)


def cell(message: Message, column: int = -1) -> object:
    """What ``websockets_status`` shows in a column, the last one is of links."""
    worker = {"number": 0, "pid": 1, "state": "ready", "fresh": True, "seconds": 1}
    engine = {"connections": 0, "inbox_depth": 0, "unsent_bytes": 0, "loop_delay": 0}
    return worker_row({**worker, **engine, **message["gauges"]})[column]


def test_over_nats(report: Any) -> None:
    """Over NATS there is a node, and nothing of a hub."""
    message = report(NATS)
    assert message["gauges"]["hub"] is None
    assert message["gauges"]["link"] == {
        "engine": "nats",
        "connected": True,
        "node": "n1",
        "round_trip": 0.0004,
        "waiting_bytes": 5,
        "kept_bytes": 10,
        "window": 15.0,
        "silent_nodes": {"n3": 12.346},
    }
    counters = message["counters"]
    assert (counters["hub_reconnects"], counters["hub_misses"]) == (0, 0)
    names = ("reconnects", "missed", "dropped", "gaps", "recovered", "resent")
    assert [counters[f"link_{name}"] for name in names] == [3, 4, 6, 7, 8, 9]
    assert cell(message) == (
        "connected to n1, 0.4 ms, 5 bytes not written, no answer from n3 for 12 s"
    )


def test_over_a_hub(report: Any) -> None:
    """Over a hub there is no node; its metrics have their names still."""
    message = report(HUB)
    assert message["gauges"]["hub"] == {"connected": True, **ALL_ANSWERED}
    assert message["gauges"]["link"]["engine"] == "hub"
    assert message["gauges"]["link"]["node"] is None
    counters = message["counters"]
    assert (counters["hub_reconnects"], counters["hub_misses"]) == (1, 2)
    assert (counters["link_reconnects"], counters["link_missed"]) == (1, 2)
    assert cell(message) == "connected"


def test_both_and_none(report: Any) -> None:
    """A project may have layers of both kinds, or none that reaches others."""
    message = report(HUB, NATS, AWAY)
    assert message["gauges"]["hub"]["connected"]
    assert not message["gauges"]["link"]["connected"]
    assert message["gauges"]["link"]["engine"] == "hub, nats"
    assert message["counters"]["link_missed"] == 6
    assert cell(report(None)) == "-"
    assert cell(report(AWAY)) == "not connected"


def test_metrics_of_nats(report: Any) -> None:
    """The node is a label, and what is not known has no value."""
    metrics = Metrics(Census(), "1", group_metrics.DESCRIPTIONS)
    members = [
        SimpleNamespace(number=number, state="ready", fresh=True, answer=answer, process=PROCESS)
        for number, answer in enumerate((report(NATS), report(AWAY)))
    ]
    samples = {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in metrics.families(members)  # type: ignore[arg-type]
        for sample in family.samples
    }
    assert samples["link_node", "0", "n1"] == 1
    assert samples["link_round_trip_seconds", "0"] == 0.0004
    assert samples["link_window_seconds", "0"] == 15
    assert (samples["link_connected", "0"], samples["link_connected", "1"]) == (1, 0)
    assert ("link_window_seconds", "1") not in samples
    assert ("hub_connected", "0") not in samples


KEPT = HistoryStatistics(
    replicas=3,
    messages=40,
    bytes=5 * 2**20,
    behind=2,
    replayed=9,
    evictions=0,
    gaps=1,
    lost=7,
)


def test_history(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker keeps, who is catching up, and what clients were told are in its report."""
    monkeypatch.setattr(resume, "answers", Counter({"ok": 5, "gap:expired": 1}))
    layers = {"a": layer_with(HUB, KEPT), "b": layer_with(HUB, KEPT), "c": layer_with(NATS)}
    monkeypatch.setattr(project_figures, "made_layers", lambda: iter(layers.items()))
    message = asyncio.run(project_figures.figures({}))
    assert message["gauges"]["history"] == {"groups": 6, "bytes": 10 * 2**20, "behind": 4}
    assert message["counters"]["drops"] == {"inbox_full": 6, "history": 14}
    assert message["counters"]["resumes"] == {"ok": 5, "gap:expired": 1}
    assert message["counters"]["replayed"] == 18
    assert cell(message, -2) == "6 groups, 10.0 MiB, 4 behind"
    assert cell(report(HUB), -2) == "-"


def test_what_a_hub_says() -> None:
    """A hub tells how much it keeps, and that it would be lost where it is not on the disk."""
    hub = {"name": "hub", "pid": 1, "seconds": 10, "processes": 2}
    kept = {"history_groups": 2, "history_messages": 30, "history_bytes": 2048, "presence_keys": 4}
    assert render_service(hub) == "hub [1], for 0:00:10"
    assert render_service({**hub, **kept, "history_on_disk": False}) == (
        "hub [1], for 0:00:10, keeps 30 messages of 2 groups in 2.0 KiB, in memory only, 4 present"
    )


def row(handler: str, why: str | None) -> Message:
    return {"consumer": "chat.Chat", "handler": handler, "shared": why is None, "why": why}


def test_handlers() -> None:
    """Each is named once, however many workers have it, with what keeps it from being shared."""
    one = {"handlers": [row("news", None), row("typing", "line 3 reads self.user")]}
    summary = group_metrics.summarize([one, one, {"handlers": []}, {}], 10)
    assert summary["handlers"] == one["handlers"]
    assert list(render_handlers(summary["handlers"])) == [
        "consumer   handler  shared",
        "chat.Chat  news     yes",
        "chat.Chat  typing   no: line 3 reads self.user",
    ]


def test_no_handlers() -> None:
    """Where no consumer has run yet that is said; where nobody has asked nothing is."""
    assert group_metrics.summarize([{"handlers": []}], 10)["handlers"] == []
    [line] = render_handlers([])
    assert line == "no consumer has run yet that has a group handler with an argument named event"
    assert "handlers" not in group_metrics.summarize([{}], 10)
