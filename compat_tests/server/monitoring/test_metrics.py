"""``--metrics``: what Prometheus and orchestrators see of a real server."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from channels_bridge.project import group_metrics
from channels_bridge.server import optional_packages
from channels_bridge.server.bind import parse_bind
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listen import listen
from channels_bridge.server.monitoring import endpoint, pages, streams
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.monitoring.descriptions import ENGINE
from channels_bridge.server.monitoring.health import Health
from channels_bridge.server.monitoring.metrics import PREFIX
from compat_tests.clients.raw_connection import RawConnection, open_socket
from compat_tests.servers import REPOSITORY


def test_what_happened_is_counted(site):
    """Handshakes, messages both ways, sends to groups and closes are counted over all workers."""
    before = site.monitor.samples()
    for _ in range(2):
        with site.connect("/room/lounge/") as client:
            client.send('{"text": "hello"}')
            client.recv()
            during = site.monitor.samples()
    with pytest.raises(Exception, match="403"):
        site.connect("/deny/").__enter__()

    def grown(*sample):
        after = site.monitor.samples()
        return after.get(sample, 0) - before.get(sample, 0)

    assert during["connections_open", "0"] + during["connections_open", "1"] == 1
    assert during["hub_connected", "0"] == during["link_connected", "0"] == 1
    assert during["groups", "0"] + during["groups", "1"] == 1
    assert grown("handshakes_total", "101") == 2
    assert grown("handshakes_total", "403") == 1
    assert grown("messages_received_total") == 2
    assert grown("messages_sent_total") == 2
    assert grown("group_sends_total") == 2
    assert grown("closes_total", "1000") == 2


def test_every_worker_and_process_is_there(site):
    """Each worker has its gauges, and each process its memory and descriptors."""
    samples = site.monitor.samples()
    for worker in ("0", "1"):
        assert samples["worker_ready", worker] == 1
        assert samples["worker_stale", worker] == 0
        assert samples["loop_delay_seconds", worker] >= 0
    for process in ("supervisor", "worker-0", "worker-1", "hub-0"):
        assert samples["process_resident_memory_bytes", process] > 0
    assert samples["serving",] == 1
    assert samples["hub_processes", "hub-0"] == 2


def test_each_figure_is_described(site):
    """All that workers report has a name and a help text, and nothing else has."""
    with site.connect("/room/lounge/"):
        status = site.status()
    described = ENGINE | group_metrics.DESCRIPTIONS
    assert set(status["totals"]) == set(described.counters)
    not_shown = {"number", "name", "pid", "seconds", "state", "fresh", "tasks"}
    not_shown |= {"hub", "link", "history"}
    for worker in status["workers"]:
        links = {f"{kind}.{name}" for kind in ("hub", "link") for name in worker[kind]}
        links |= {"history.groups", "history.bytes", "history.behind"}  # where some is kept
        shown = set(described.gauges) | set(described.labels) | {"link.engine", "link.silent_nodes"}
        assert shown == set(worker) - not_shown | links
    (hub,) = status["services"]
    where_some_is_kept = {"history_on_disk"}
    figures = set(hub) - {"name", "pid", "seconds"}
    assert set(described.services) == figures | where_some_is_kept


def test_openmetrics(site):
    """A scraper that asks for OpenMetrics gets it."""
    status, text = site.monitor.get(
        "/metrics", Accept="application/openmetrics-text; version=1.0.0"
    )
    assert status == 200
    assert text.endswith("# EOF\n")


def test_other_requests(site):
    """There is nothing but GET, and nothing but the three pages."""
    assert site.monitor.get("/")[0] == 404
    assert site.monitor.get("/metrics", method="POST")[0] == 405
    assert site.monitor.get("/metrics", X_Long="x" * 9000)[0] == 431


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / \xff HTTP/1.1\r\n\r\n"])
def test_garbage(site, request_):
    """What is no HTTP is answered with 400, and serving goes on."""
    with open_socket(f"unix:{site.monitor.path}") as client:
        client.sendall(request_)
        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert site.monitor.get("/healthz")[0] == 200


def test_silent_clients_do_not_hold_up_others(site):
    """Connections that say nothing take nobody's turn."""
    silent = [open_socket(f"unix:{site.monitor.path}") for _ in range(20)]
    assert site.monitor.get("/readyz") == (200, "serving\n")
    for client in silent:
        client.close()


GET = b"GET / HTTP/1.1\r\n\r\n"


def client_of(listener):
    host, port = listener.sock.getsockname()
    return RawConnection(f"{host}:{port}")


async def test_connections_are_bounded(monkeypatch):
    """More connections than there may be are closed at once; one that ends makes room."""
    monkeypatch.setattr(streams, "MAX_CONNECTIONS", 2)
    (listener,) = listen([parse_bind("127.0.0.1:0")])
    async with endpoint.serving_pages([listener], {}), contextlib.AsyncExitStack() as stack:
        first, _, third = [await stack.enter_async_context(client_of(listener)) for _ in range(3)]
        assert await third.read() == b""
        assert (await first.request(GET)).startswith(b"HTTP/1.1 404 ")
        async with client_of(listener) as later:
            assert (await later.request(GET)).startswith(b"HTTP/1.1 404 ")


async def test_slow_clients_are_dropped(monkeypatch):
    """A client that does not finish its request in time is not waited for."""
    monkeypatch.setattr(endpoint, "PATIENCE", 0.05)
    (listener,) = listen([parse_bind("127.0.0.1:0")])
    async with endpoint.serving_pages([listener], {}), client_of(listener) as client:
        assert await client.request(b"GET /metrics HT") == b""


async def test_a_page_that_fails(caplog):
    """A mistake in a page is a 500 and a traceback in the log; the supervisor goes on."""

    async def page(headers):
        raise LookupError("no such figure")

    (listener,) = listen([parse_bind("127.0.0.1:0")])
    async with endpoint.serving_pages([listener], {"/": page}), client_of(listener) as client:
        assert (await client.request(GET)).startswith(b"HTTP/1.1 500 ")
    assert "LookupError: no such figure" in caplog.text


def test_the_board_names_real_metrics(site):
    """Each metric in the queries of the Grafana board is one that a server has."""
    text = (REPOSITORY / "migration_guide" / "grafana.json").read_text()
    named = set(re.findall(rf"{PREFIX}(\w+)", json.dumps(json.loads(text)["panels"])))
    _, page = site.monitor.get("/metrics")
    there = set(re.findall(rf"^# TYPE {PREFIX}(\w+) ", page, re.MULTILINE))
    assert named
    assert named <= there
    per_server = {"server_info", "serving", "process_start_time_seconds"}
    assert there - named <= {*per_server, "process_virtual_memory_bytes"}, "not on the board"


def test_the_documents_name_real_metrics(site):
    """Each metric in the guide's table is one that a server has, and none is missing."""
    text = (REPOSITORY / "migration_guide" / "metrics.md").read_text()
    table = text.partition("| metric | label | |\n")[2].partition("\n\n")[0]
    named = set(
        re.findall(r"`(\w+?)(?:_total)?`", "".join(row.split("|")[1] for row in table.splitlines()))
    )
    _, page = site.monitor.get("/metrics")
    there = set(re.findall(rf"^# TYPE {PREFIX}(\w+?)(?:_total)? ", page, re.MULTILINE))
    assert named <= there
    assert {name for name in there - named if not name.startswith("process_")} == set()


async def test_a_server_that_starts():
    """While workers start, /readyz says 503 and /healthz 200: it is no reason for a restart."""
    health = Health(Census())
    assert (await health.ready({})).status == 503
    assert (await health.live({})).status == 200


async def test_a_server_without_workers():
    """When no worker answers any more, both pages say so."""
    census = Census()
    census.phase = "serving"
    health = Health(census)
    assert (await health.ready({})).text == b"no worker is ready\n"
    assert (await health.live({})).text == b"no worker answers\n"


def test_without_the_extra(monkeypatch):
    """Without prometheus-client, the error says what to install."""
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    with pytest.raises(StartupError, match="pip install prometheus-client"):
        pages.require_extra()
