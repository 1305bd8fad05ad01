"""Each scenario's loads really run, on our own stack, with nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channels_bridge.bench.generator import KINDS, connection_loads, open_loop
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.case import Case
from channels_bridge.bench.loads.loads import Connect, Load, Loop, Pages, Rate
from channels_bridge.bench.loads.scenarios import ALL, SCENARIOS
from channels_bridge.bench.rounds.plan import Plan
from channels_bridge.bench.stacks import sites
from channels_bridge.bench.stacks.sites import Site
from channels_bridge.bench.stacks.stack import STACKS, Running
from compat_tests.bench.generator.gauges import Unread
from compat_tests.bench.installed_brokers import require

CASES = [
    pytest.param(case, id=f"{scenario.name} {case.name}".strip())
    for scenario in ALL
    for case in scenario.cases
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The measured project."""
    return sites.sample(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def serving(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Our stack, with a process that sends by a view."""
    directory: Path = tmp_path_factory.mktemp("stack")
    with STACKS["websockets_server-threads16"].serve(site, directory, caller="view") as running:
        yield running


@pytest.fixture(scope="module")
def serving_over_nats(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Our stack on three nodes of NATS, with a process that sends from a thread."""
    stack = STACKS["websockets_server-w2+nats3"]
    require(stack.layer.broker)
    with stack.serve(site, tmp_path_factory.mktemp("nats"), caller="thread") as running:
        yield running


def small(load: Load) -> Load:
    """The same load from a few members, or one of each block, of few blocks."""
    members = min(load.members, 2 + getattr(load, "stalled", 0))
    fewer = replace(load, connections=2 * members, groups=2 * load.rooms)
    if isinstance(fewer, Rate):
        return replace(fewer, rate=fewer.rate and 100, idle=min(fewer.idle, 10))
    return replace(fewer, warmup=2) if isinstance(fewer, Connect) else fewer


@pytest.mark.parametrize("case", CASES)
async def test_loads(
    case: Case, serving: Running, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections are made, messages sent, and each arrives once, in order."""
    monkeypatch.setattr(connection_loads, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(open_loop, "PROBE_SECONDS", 0.1)
    load = small(case.load)
    if load.login:
        load = replace(load, headers=(("Cookie", site.cookie),))
    gauge = Unread()
    timing = Timing(serving.port, serving.caller_port, warmup=0.1, seconds=0.1)
    outcome = await KINDS[type(load)](load, timing, gauge)
    counts = outcome.counts
    assert gauge.marks == 2
    assert counts.delivered == counts.expected
    if isinstance(load, Loop | Pages):
        assert counts.expected > 0
    else:
        assert outcome.work == load.connections
    assert (counts.duplicated, counts.out_of_order, counts.connections_lost) == (0, 0, 0)


@pytest.mark.parametrize("name", ["cross", "in-force", "outside"])
async def test_loads_over_nats(
    name: str, serving_over_nats: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What crosses processes arrives in the same way on a cluster of NATS."""
    monkeypatch.setattr(connection_loads, "SETTLE_SECONDS", 0.1)
    load = small(SCENARIOS[name].cases[0].load)
    timing = Timing(serving_over_nats.port, serving_over_nats.caller_port, 0.1, 0.1)
    outcome = await KINDS[type(load)](load, timing, Unread())
    counts = outcome.counts
    assert counts.delivered == counts.expected > 0
    assert (counts.duplicated, counts.out_of_order, counts.connections_lost) == (0, 0, 0)


def test_stacks_exist() -> None:
    """Every stack that a scenario names is there, and ours is in each."""
    for scenario in ALL:
        for case in scenario.cases:
            assert set(case.stacks) <= set(STACKS)
            assert any(name.startswith("websockets_server") for name in case.stacks)


def test_rounds_alternate() -> None:
    """All stacks have their first round before one of them has its second."""
    steps = Plan(ALL[:1], ["websockets_server", "picows"], rounds=2, warmup=0, seconds=0).steps
    numbers = [step.number for step in steps]
    assert numbers == sorted(numbers) and set(numbers) == {1, 2}
    assert [step.stack.name for step in steps[:2]] == ["websockets_server", "picows"]
