"""A beginner's project after README's steps, with the tests that it had before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.sync.client import connect

from compat_tests.servers import websockets_server
from compat_tests.swap.replace import run, run_tests

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture
def env(socket_dir):
    """Where it has its database, and its processes find each other."""
    return {"SWITCH_DIRECTORY": str(socket_dir)}


def test_its_tests_pass_without_a_server(env):
    """They pass where no server runs, in several processes at a time, without a word of a hub."""
    printed = run(SAMPLE, "-W", "default", "manage.py", "test", "--parallel", "2", env=env)
    assert "Ran 5 tests" in printed and "groups hub" not in printed


def test_its_server_and_its_other_processes(env):
    """Commands send to nobody where no server runs, else to its clients; tests never do."""
    run(SAMPLE, "manage.py", "migrate", "-v", "0", env=env)
    create = "from django.contrib.auth.models import User; User.objects.create_user('x').delete()"
    command = ["manage.py", "shell", "-v", "0", "-c", create]
    (line,) = run(SAMPLE, *command, env=env).splitlines()
    assert line.startswith(f"there is no groups hub at unix:{env['SWITCH_DIRECTORY']}/")
    settings = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with websockets_server(SAMPLE, workers=1, env={**env, **settings}) as server:
        url = f"{server.ws_url}/ws/chat/lobby/"
        with connect(url, origin=server.url, proxy=None) as client:
            assert run_tests(SAMPLE, env=env) == 9
            assert run(SAMPLE, *command, env=env) == ""
            assert json.loads(client.recv(10)) == {"message": "user x"}
