"""Monitoring of a server whose workers are stuck, killed, or told to end."""

from __future__ import annotations

import os
import signal

import pytest

from channels_bridge.management.commands.websockets_status import render
from channels_bridge.server.monitoring.control_socket import NoAnswer
from compat_tests.engine import DEADLINE
from compat_tests.server.monitoring.site import Monitor, running_site
from compat_tests.servers import wait_for


def test_life_of_a_server(database, socket_dir):
    """A killed worker takes no counter down, a stuck one holds up nobody, a drain is seen."""
    metrics, control = socket_dir / "metrics.sock", socket_dir / "control.sock"
    options = ["--metrics", f"unix:{metrics}", "--control", str(control)]
    with running_site(database, *options) as site:
        site.control = control
        monitor = Monitor(metrics)
        with site.connect("/echo/") as first, site.connect("/echo/") as second:
            for client in (first, second):
                client.send("hello")
                client.recv()
            assert wait_for(lambda: monitor.samples()["messages_received_total",] == 2, DEADLINE)
            before = monitor.samples()
            victim, survivor = (worker["pid"] for worker in site.status()["workers"])
            os.kill(victim, signal.SIGKILL)
            site.server.wait_for_log("is ready", 4, DEADLINE)
        assert_one_was_replaced(site, monitor, before, survivor)
        assert_stuck_worker_is_seen(site, monitor, survivor)
        for child in site.server.children():
            child.suspend()
        site.server.signal(signal.SIGTERM)
        assert wait_for(lambda: monitor.get("/readyz") == (503, "draining\n"), DEADLINE)
        assert site.status()["state"] == "draining"
        for child in site.server.children():
            child.resume()
    with pytest.raises(NoAnswer):
        site.status()
    assert not control.exists()


def assert_one_was_replaced(site, monitor, before, survivor):
    """One worker was restarted, the other one is as it was, and no counter went back."""
    after = monitor.samples()
    counters = [
        sample
        for sample in before
        if sample[0].endswith("_total") and not sample[0].startswith("process")
    ]
    assert [sample for sample in counters if after[sample] < before[sample]] == []
    assert after["restarts_total", "worker"] == 1
    workers = site.status()["workers"]
    assert sorted(worker["number"] for worker in workers) == [0, 1]
    assert survivor in [worker["pid"] for worker in workers]


def assert_stuck_worker_is_seen(site, monitor, pid):
    """A stopped worker is stale in metrics and status, and the server is healthy with the other."""

    def is_one_stale() -> bool:
        samples = monitor.samples()
        return sorted(samples["worker_stale", worker] for worker in ("0", "1")) == [0, 1]

    os.kill(pid, signal.SIGSTOP)
    # Again and again: on a busy machine, the other one may not answer within its second either.
    assert wait_for(is_one_stale, DEADLINE)
    assert wait_for(lambda: monitor.get("/healthz")[0] == 200, DEADLINE)
    assert "ready, does not answer" in "\n".join(render(site.status()))
    os.kill(pid, signal.SIGCONT)


def test_recycled_workers(database, socket_dir):
    """What replaced a worker is in metrics and status, and pages count towards its limit."""
    metrics, control = socket_dir / "metrics.sock", socket_dir / "control.sock"
    options = ["--metrics", f"unix:{metrics}", "--control", str(control), "--max-requests", "3"]
    with running_site(database, *options) as site:
        site.control = control
        monitor = Monitor(metrics)
        assert monitor.samples()["recycled_total", "requests"] == 0

        def is_recycled() -> bool:
            site.post("/nowhere/", "")
            return monitor.samples()["recycled_total", "requests"] >= 1

        assert wait_for(is_recycled, 60)
        assert monitor.samples()["pages_total",] >= 3
        assert monitor.samples()["restarts_total", "worker"] == 0
        assert "workers replaced for requests" in "\n".join(render(site.status()))
