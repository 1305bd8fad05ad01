"""The limit of open files, of this process and of a server's."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import psutil
import pytest

from channels_bridge.common import open_files
from channels_bridge.common.open_files import CAP, OpenFiles, describe, raise_limit
from channels_bridge.project.advice.startup_advice import about_open_files
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.optional_packages import event_loop
from compat_tests.servers import BRIDGE_READY, REPOSITORY, run_python, running

SITE = Path(__file__).parents[1] / "processes" / "site"
INFINITE = resource.RLIM_INFINITY

#: Raises the limit in a process of its own, and prints what came of it.
PROGRAM = """
import json, resource
from channels_bridge.common.open_files import raise_limit
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, min(hard, 500)))
first, second = raise_limit(), raise_limit()
print(json.dumps([first, second, resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def test_a_process():
    """The soft limit becomes the hard one, once."""
    result = run_python(REPOSITORY, "-c", PROGRAM)
    assert json.loads(result.stdout) == [[500, 100], [500, 500], [500, 500]]


@pytest.mark.parametrize(
    ("before", "hard", "after"),
    [
        (1024, 4096, 4096),
        (1024, 2**30, CAP),
        (1024, INFINITE, CAP),
        (2**30, 2**30, 2**30),
        (INFINITE, INFINITE, INFINITE),
    ],
)
def test_how_far(monkeypatch, before, hard, after):
    """It is raised as far as a process can make use of it, and never lowered."""
    limits = [before]
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda which: (before, hard))
    monkeypatch.setattr(
        open_files.resource, "setrlimit", lambda which, pair: limits.append(pair[0])
    )
    assert raise_limit() == OpenFiles(after, before)
    assert limits[-1] == after


def test_where_the_system_refuses(monkeypatch):
    """A limit that can't be raised stays."""

    def refuse(which: int, pair: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(open_files.resource, "getrlimit", lambda which: (256, INFINITE))
    monkeypatch.setattr(open_files.resource, "setrlimit", refuse)
    assert raise_limit() == OpenFiles(256, 256)


def test_what_the_banner_says():
    """The limit, and where it came from."""
    assert describe(OpenFiles(4096, 1024)) == (
        "up to 4096 open files in each process (raised from 1024)"
    )
    assert describe(OpenFiles(4096, 4096)) == "up to 4096 open files in each process"
    assert describe(OpenFiles(INFINITE, INFINITE)) == "any number of open files"


@pytest.mark.parametrize(
    ("limit", "most", "workers", "words"),
    [
        (1024, 0, 1, None),
        (INFINITE, 10**6, 1, None),
        (4096, 10_000, 4, None),
        (256, 0, 1, "room for about 156 connections: a process may have 256 open files"),
        (64, 0, 1, "room for about 0 connections"),
        (4096, 10_000, 2, "room for about 3996 connections, and --max-connections asks for 5000"),
        (65536, 10**6, 4, "LimitNOFILE=1000400 in a systemd unit"),
    ],
)
def test_advice(limit, most, workers, words):
    """A limit that is too low for what is expected is warned of, with what to write where."""
    config = ServerConfig(application="", max_connections=most, workers=workers)
    texts = list(about_open_files(config, limit))
    assert [words in text for text in texts] == ([True] if words else [])


@pytest.mark.parametrize(("hard", "warned"), [(2000, False), (300, True)])
def test_a_server(socket_dir, hard, warned):
    """All processes of a server have the raised limit, and the banner says so."""
    start = f'ulimit -n {hard} && ulimit -Sn 250 && exec "$0" "$@"'
    serve = [sys.executable, "manage.py", "websockets_server", "-b", "127.0.0.1:0"]
    env = {"TMPDIR": str(socket_dir)}
    with running(["sh", "-c", start, *serve], SITE, BRIDGE_READY, env=env) as server:
        limit = f"up to {hard} open files in each process (raised from 250)"
        assert f"\nEvent loop of {event_loop()}, {limit}, no limit of" in server.log()
        assert (f"a worker has room for about {hard - 100} connections" in server.log()) is warned
        processes = [psutil.Process(server.pid), *server.children()]
        assert len(processes) == 3
        assert {each.rlimit(resource.RLIMIT_NOFILE) for each in processes} == {(hard, hard)}
