"""A connection works on asyncio's loop and on uvloop, in a process of its own, with TLS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat_tests.groups.authority import Authority
from compat_tests.groups.hubs import ENVIRONMENT, ROOT
from compat_tests.groups.nats.nats_servers import NatsCluster
from compat_tests.servers import wait_for

SCENARIO = "compat_tests.groups.nats.client.loop_scenario"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Has signed the nodes' certificate."""
    return Authority(tmp_path, "authority")


@pytest.fixture
def cluster(authority: Authority) -> Iterator[NatsCluster]:
    """Two nodes with TLS."""
    certificate, key = authority.sign("nodes")
    config = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'
    with NatsCluster(2, config=config) as cluster:
        yield cluster


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_loop(loop: str, authority: Authority, cluster: NatsCluster) -> None:
    """Silence and a node's end are survived; a forked child holds no connection."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    urls = [url.replace("nats://", "tls://") for url in cluster.urls]
    process = subprocess.Popen(
        [sys.executable, "-m", SCENARIO, loop, authority.ca_file, *urls],
        cwd=ROOT,
        env=ENVIRONMENT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        while (line := process.stdout.readline()) and line != "end scenario\n":
            do(*line.split(), cluster)
            process.stdin.write("done\n")
            process.stdin.flush()
        process.kill()
        process.wait()
        # The child that it has forked lives until stdin ends.
        running = [server for server in cluster.servers if server.is_running]
        is_gone = wait_for(lambda: not any(each.connections("scenario") for each in running), 30)
        process.stdin.close()
        errors = process.stderr.read() if process.stderr else ""
    assert (line, errors) == ("end scenario\n", "")
    assert is_gone


def do(what: str, name: str, cluster: NatsCluster) -> None:
    """Do what the scenario asks for."""
    nodes = {server.name: server for server in cluster.servers}
    if what == "resume":
        for server in cluster.servers:
            server.resume()
        cluster.await_ready()
    else:
        getattr(nodes[name], what)()
