"""Channels' tutorial project, migrated by ``--write`` alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import channels
import pytest
from websockets.sync.client import connect

from channels_bridge.migrate.__main__ import main
from compat_tests.servers import websockets_server
from compat_tests.swap.replace import copy, run

SAMPLE = Path(__file__).parent / "sample"

#: Its manage.py names the settings, as a developer's does.
ENVIRONMENT: Mapping[str, str] = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, migrated."""
    place = copy(SAMPLE, tmp_path)
    assert main([str(place), "--write"]) == 0
    return place


def test_settings(project: Path) -> None:
    """Daphne and what is of Redis go, two lines come; all others are as they were."""
    before = (SAMPLE / "mysite/settings.py").read_text().splitlines()
    after = (project / "mysite/settings.py").read_text().splitlines()
    assert [line.strip() for line in after if line not in before] == [
        '"channels_bridge",',
        '"BACKEND": "channels_bridge.layers.GrpcChannelLayer",',
    ]
    assert [line.strip() for line in before if line not in after] == [
        '"daphne",',
        '"BACKEND": "channels_redis.core.RedisChannelLayer",',
        '"CONFIG": {',
        '"hosts": [("127.0.0.1", 6379)],',
        "},",
    ]


@pytest.mark.skipif(
    channels.__version__.startswith("4.2."),
    reason="the live-server tests of Channels 4.2 do not run on Django 5.2",
)
def test_its_tests_pass(project: Path) -> None:
    """They need no Redis."""
    assert "Ran 3 tests" in run(project, "manage.py", "test", env=ENVIRONMENT)


def test_chat_on_two_workers(project: Path) -> None:
    """The system checks pass, and who is in a room hears what is said there."""
    run(project, "manage.py", "check", "--fail-level", "WARNING", env=ENVIRONMENT)
    with websockets_server(project, workers=2, env=ENVIRONMENT) as server, ExitStack() as stack:
        url = f"{server.ws_url}/ws/chat/lobby/"
        clients = [
            stack.enter_context(connect(url, origin=server.url, proxy=None)) for _ in range(4)
        ]
        clients[0].send(json.dumps({"message": "hello"}))
        assert [json.loads(one.recv(20)) for one in clients] == [{"message": "hello"}] * 4
