"""A server whose groups are on NATS, as it is seen from outside."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer
from compat_tests.parity.site import PROJECT
from compat_tests.server.monitoring.site import Monitor, Site, running_site
from compat_tests.servers import run_python, wait_for


@pytest.fixture(scope="module")
def site(database: Any, nats_server: NatsServer) -> Iterator[Site]:
    """The sample project on two workers, with metrics on a socket."""
    config = {"servers": [nats_server.url], "prefix": "monitored"}
    env = {
        "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        path = Path(directory, "metrics.sock")
        with running_site(database, "--metrics", f"unix:{path}", **env) as site:
            site.monitor = Monitor(path)
            yield site


def links(site: Site) -> list[dict[str, Any]]:
    """How each worker is connected."""
    return [worker["link"] for worker in site.status()["workers"]]


def test_no_hub(site: Site, nats_server: NatsServer) -> None:
    """No hub is started; banner and status say where groups are instead."""
    carrier = f"groups over NATS at 127.0.0.1:{nats_server.port} (prefix monitored)"
    assert carrier in site.server.log()
    status = site.status()
    assert (status["hubs"], status["services"]) == ([], [])
    assert carrier in site.manage("websockets_status").splitlines()


def test_node_of_each_worker(site: Site) -> None:
    """Status and metrics have the node that each worker is connected to."""
    with site.connect("/room/lounge/") as one, site.connect("/room/lounge/") as other:
        one.send('{"text": "hello"}')
        assert "hello" in str(other.recv(timeout=10))
        assert wait_for(lambda: all(link["node"] for link in links(site)), 10)
        for link in links(site):
            assert (link["engine"], link["connected"], link["node"]) == ("nats", True, "n1")
        assert [worker["hub"] for worker in site.status()["workers"]] == [None, None]
        assert site.manage("websockets_status").count("connected to n1") == 2
        samples = site.monitor.samples()
    for number in ("0", "1"):
        assert samples["link_connected", number] == samples["link_node", "n1", number] == 1
        assert ("hub_connected", number) not in samples
    assert samples["link_missed_total",] == samples["hub_misses_total",] == 0


def test_closing_from_outside(site: Site) -> None:
    """``websockets_close`` reaches all workers, though there is no hub."""
    with site.connect("/room/lounge/") as one, site.connect("/room/lounge/") as other:
        printed = site.manage("websockets_close", "--path", "/room/lounge/", "--code", "4001")
        assert printed == "2 connections closed\n"
        for client in (one, other):
            with pytest.raises(ConnectionClosed) as caught:
                client.recv(timeout=10)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4001


def test_no_hub_to_run(site: Site) -> None:
    """``websockets_hub`` says that none is needed."""
    said = site.manage("websockets_hub", code=1)
    assert "needs no hub: its processes meet at nats://127.0.0.1:" in said


def test_closing_while_a_node_is_away(database: Any) -> None:
    """``websockets_close`` says that it may not have reached all, besides how many it has."""
    with NatsCluster(size=2) as cluster, tempfile.TemporaryDirectory(prefix="cb-") as directory:
        cluster.servers[1].kill()
        config = {"servers": cluster.urls, "prefix": "monitored"}
        env = {
            "SAMPLE_RUNTIME_DIR": directory,
            "SAMPLE_APPS": "channels_bridge",
            "SAMPLE_DATABASE": str(database),
            "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
            "SAMPLE_LAYER_CONFIG": json.dumps(config),
        }
        done = run_python(PROJECT, "manage.py", "websockets_close", "--path", "/", env=env)
    assert done.stdout == "0 connections closed\n"
    assert "`servers` in CONFIG are 2, and 1 answer" in done.stderr
