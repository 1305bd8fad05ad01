"""The benchmark runs the brokers that layers need, for as long as a stack is measured."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from channels_bridge.bench.report.machine import versions
from channels_bridge.bench.stacks.channel_layers import CORE, NATS, NATS3
from channels_bridge.bench.stacks.nats_nodes import known_nodes
from channels_bridge.bench.stacks.stack import STACKS
from compat_tests.bench.installed_brokers import require


@pytest.mark.parametrize("nodes, layer", [(0, CORE), (1, NATS), (3, NATS3)])
def test_runs_until_the_end_of_the_block(nodes, layer, tmp_path: Path) -> None:
    """All of its processes do, and each node of a cluster knows the others from the beginning."""
    with require(layer.broker).run(tmp_path) as broker:
        assert len(broker.places) == nodes
        for place in broker.places.values():
            assert known_nodes(int(place.rpartition(":")[2])) == nodes
        processes = [psutil.Process(pid) for pid in broker.pids]
        assert all(process.is_running() for process in processes)
    assert not any(process.is_running() for process in processes)


def test_versions() -> None:
    """A report names the version of each broker once."""
    stacks = [STACKS["uvicorn+core"], STACKS["uvicorn+pubsub"], STACKS["websockets_server+nats"]]
    for stack in stacks:
        require(stack.layer.broker)
    told = [each.split() for each in versions(stacks) if each.partition(" ")[0].endswith("-server")]
    assert [program for program, _ in told] == ["redis-server", "nats-server"]
    assert all(version[0].isdigit() for _, version in told)


def test_a_broker_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack says by name what it cannot be measured without."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sysconfig.get_path", lambda _: "")
    assert STACKS["websockets_server+nats"].missing() == ["nats-server"]
