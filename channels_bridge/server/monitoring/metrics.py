"""The page ``/metrics``: a server's figures as Prometheus reads them (extra ``metrics``).

Names and units follow Prometheus' conventions. A label has few values: ``worker`` is a worker's
number, not its process id, and codes that clients or applications choose are shown up to
``MAX_LABELS`` of them; further ones are counted as ``other``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.message import Message as Headers
from functools import partial
from http import HTTPStatus
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.census import WORKER, Census, Counts, Member
from channels_bridge.server.monitoring.descriptions import ENGINE, Descriptions, Label
from channels_bridge.server.monitoring.endpoint import Answer

#: Before the name of each metric.
PREFIX = "channels_bridge_"

#: Values of a label that are shown, for each metric.
MAX_LABELS = 40


class Metrics:
    """The page, and what it remembers between two scrapes: which labels it has shown.

    Args:
        census: of the server.
        version: of this package.
        descriptions: of what workers report besides the engine's own figures.
    """

    def __init__(self, census: Census, version: str, descriptions: Descriptions) -> None:
        self._descriptions = ENGINE | descriptions
        self._census = census
        self._version = version
        self._shown: dict[str, set[str]] = {}

    async def page(self, headers: Headers) -> Answer:
        """Ask all processes; one that doesn't answer in time is shown as it was, and as stale."""
        members, others = await asyncio.gather(self._census.workers({}), self._census.others({}))
        encode, content_type = choose_encoder(headers.get("Accept", ""))
        families = self.families(members, others)
        return Answer(HTTPStatus.OK, encode(_Families(families)), content_type)

    def families(self, members: list[Member], others: Sequence[Member] = ()) -> Iterator[Metric]:
        """All metrics, of workers and of other processes, as they have answered."""
        yield InfoMetricFamily(
            PREFIX + "server", "The server's version.", {"version": self._version}
        )
        yield GaugeMetricFamily(
            PREFIX + "serving",
            "1 while connections are taken; 0 at the start and while the server drains.",
            self._census.phase == "serving",
        )
        yield self._restarts()
        yield self._recycled()
        yield from self._counters(self._census.totals([*members, *others]))
        yield from _states(members)
        for key, gauge in self._descriptions.gauges.items():
            yield _gauge(gauge.name, gauge.help, _values(members, key))
        for key, label in self._descriptions.labels.items():
            yield _labels(label, _values(members, key))
        for key, gauge in self._descriptions.services.items():
            found = ((_name(other), _find(other.answer, key)) for other in others)
            values = {name: value for name, value in found if value is not None}
            yield _gauge(gauge.name, gauge.help, values, label="process")
        yield from self._processes(members)

    def _restarts(self) -> Metric:
        family = CounterMetricFamily(
            PREFIX + "restarts", "Processes started in place of one that ended.", labels=["service"]
        )
        others = (process.name for _, process in self._census.services())
        for service in sorted({WORKER, *others, *self._census.restarts}):
            family.add_metric([service], self._census.restarts[service])
        return family

    def _recycled(self) -> Metric:
        text = "Workers replaced, by the limit that they had passed."
        family = CounterMetricFamily(PREFIX + "recycled", text, labels=["reason"])
        for reason in ("requests", "memory"):
            family.add_metric([reason], self._census.recycled[reason])
        return family

    def _counters(self, totals: Counts) -> Iterator[Metric]:
        for key, (name, text, label) in self._descriptions.counters.items():
            if label is None:
                yield CounterMetricFamily(PREFIX + name, text, totals.get(key, 0))
                continue
            family = CounterMetricFamily(PREFIX + name, text, labels=[label])
            for value, count in self._bounded(key, totals.get(key, {})).items():
                family.add_metric([value], count)
            yield family

    def _bounded(self, key: str, counts: Mapping[str, int]) -> dict[str, int]:
        """Limit the labels of a counter; once a label is shown, it always is."""
        shown = self._shown.setdefault(key, set())
        bounded: dict[str, int] = {}
        for label, count in counts.items():
            # Prometheus would take it for a reset if one moved to "other" later.
            if len(shown) < MAX_LABELS:
                shown.add(label)
            name = label if label in shown else "other"
            bounded[name] = bounded.get(name, 0) + count
        return bounded

    def _processes(self, members: Iterable[Member]) -> Iterator[Metric]:
        """Collect what the system knows of the supervisor and of each of its processes."""
        families: dict[str, Metric] = {}
        for process, pid in self._pids(members):
            # Without a registry, which would keep it for the next scrape: its process may be gone.
            collector = ProcessCollector(PREFIX[:-1], partial(str, pid), registry=None)
            for family in collector.collect():
                joint = Metric(family.name, family.documentation, family.type)
                for sample in family.samples:
                    families.setdefault(family.name, joint).add_sample(
                        sample.name, {"process": process}, sample.value
                    )
        yield from families.values()

    def _pids(self, members: Iterable[Member]) -> Iterator[tuple[str, int]]:
        yield "supervisor", os.getpid()
        for member in members:
            yield f"{WORKER}-{member.number}", member.process.pid
        for number, process in self._census.services():
            yield f"{process.name}-{number}", process.pid


def _states(members: Sequence[Member]) -> Iterator[Metric]:
    yield _gauge(
        "worker_ready",
        "Whether the worker takes connections.",
        {str(member.number): member.state == "ready" for member in members},
    )
    yield _gauge(
        "worker_stale",
        "1 when the worker did not answer: what is shown of it is what it said before.",
        {str(member.number): not member.fresh for member in members},
    )


def _gauge(name: str, text: str, values: Mapping[str, float], *, label: str = "worker") -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=[label])
    for whose, value in values.items():
        family.add_metric([whose], value)
    return family


def _name(member: Member) -> str:
    """A process, as the metrics of all processes name it."""
    return f"{member.process.name}-{member.number}"


def _labels(described: Label, values: Mapping[str, str]) -> Metric:
    family = GaugeMetricFamily(
        PREFIX + described.name, described.help, labels=["worker", described.label]
    )
    for worker, value in values.items():
        family.add_metric([worker, value], 1)
    return family


def _values(members: Iterable[Member], key: str) -> dict[str, Any]:
    """Return a figure by worker, of those that have reported it."""
    found = ((str(member.number), _find(member.answer, key)) for member in members)
    return {worker: value for worker, value in found if value is not None}


def _find(answer: Message, key: str) -> Any:
    found = answer.get("gauges")
    for name in key.split("."):
        found = (found or {}).get(name)
    return found


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
