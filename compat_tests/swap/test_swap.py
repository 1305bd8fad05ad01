"""Projects written for Channels, before and after a search-and-replace of their imports."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import channels
import pytest
from websockets.sync.client import connect

from compat_tests.servers import REPOSITORY, websockets_server
from compat_tests.swap import postgresql, replace

SAMPLE = Path(__file__).parent / "sample"
CHAT = REPOSITORY / "examples" / "chat"

# Each in a process of its own: Daphne's live server is forked, and asgiref's threads are not.
SUITES = {"tests/test_consumers.py": 12, "tests/test_live.py": 8}


@pytest.fixture
def sample(tmp_path):
    return replace.copy(SAMPLE, tmp_path)


@pytest.fixture
def swapped(sample):
    assert replace.replace(sample) == 19
    return sample


@pytest.mark.parametrize("suite", SUITES)
def test_before(sample, suite):
    """The sample passes its own tests on Channels and Daphne."""
    if "live" in suite and channels.__version__.startswith("4.2."):
        pytest.skip("Channels' live-server test case is older than Django 5.2, and fails there")
    if "live" in suite and multiprocessing.get_all_start_methods()[0] != "fork":  # the default
        pytest.skip("Channels' live server has the tests' ALLOWED_HOSTS only where it is forked")
    assert replace.run_tests(sample, suite) == SUITES[suite]


def test_after(swapped):
    """It passes all of them on channels_bridge, in one process."""
    assert replace.run_tests(swapped) == sum(SUITES.values())


@pytest.mark.parametrize("kind", ["Grpc", "Nats"])
def test_after_with_our_layer(swapped, kind, request):
    """And with the layer over gRPC, whose hub the live server brings, and the one over NATS."""
    settings = swapped / "desk" / "settings.py"
    layer = f'"BACKEND": "channels_bridge.layers.{kind}ChannelLayer"'
    if kind == "Nats":
        config = f'"CONFIG": {{"servers": "{request.getfixturevalue("nats_server").url}"}}'
    else:
        config = f'"CONFIG": {{"address": "unix:{swapped.parent}/groups.sock"}}'
    text = settings.read_text()
    text = text.replace('"BACKEND": "channels_bridge.layers.InMemoryChannelLayer"', layer)
    settings.write_text(text.replace('"CONFIG": {"capacity": 50}', config))
    assert replace.run_tests(swapped, "tests/test_live.py") == SUITES["tests/test_live.py"]


def test_after_on_postgresql(swapped, socket_dir):
    """And with its database on PostgreSQL."""
    programs = postgresql.find_programs()
    if programs is None:
        pytest.skip("needs the packages postgresql (Debian) and psycopg (PyPI)")
    with postgresql.postgresql(programs, socket_dir) as host:
        environment = {"DESK_POSTGRESQL": host}
        suite = "tests/test_live.py"
        assert replace.run_tests(swapped, suite, env=environment) == SUITES[suite]


def test_chat_example(tmp_path):
    """The chat, imports replaced, works as before: two people in a room, and an announcement."""
    chat = replace.copy(CHAT, tmp_path)
    settings = chat / "chatsite" / "settings.py"
    # Ours stands there already, beside "channels", which would become a second one.
    lines = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if '"channels",' not in line))
    assert replace.replace(chat) >= 5
    replace.run(chat, "manage.py", "check")
    replace.run(chat, "manage.py", "migrate", "-v", "0")
    with websockets_server(chat, workers=2) as server:
        url = f"{server.ws_url}/ws/chat/lobby/?name=guest"
        with connect(url, origin=server.url) as ann, connect(url, origin=server.url) as bob:
            ann.send(json.dumps({"type": "say", "text": "hello"}))
            replace.run(chat, "manage.py", "announce", "lobby", "tea is ready")
            for websocket in (ann, bob):
                read_until(websocket, "hello")
                read_until(websocket, "tea is ready")


def read_until(websocket, text):
    while text not in websocket.recv(10):
        pass
