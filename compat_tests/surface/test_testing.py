"""``channels_bridge.testing``: live servers in a project's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import channels
import psutil
import pytest

from compat_tests.servers import environment, run_python
from compat_tests.swap.replace import DEADLINE, run_tests

SAMPLE = Path(__file__).parent / "sample"

# As if Daphne were not installed, as import statements and find_spec() see it.
WITHOUT_DAPHNE = "import sys; sys.modules['daphne'] = None\n"


@pytest.fixture
def env(socket_dir):
    return {"LIVE_DIRECTORY": str(socket_dir), "DJANGO_SETTINGS_MODULE": "live.settings"}


def python(*arguments, env):
    """Run Python in the sample project; what it printed, and its exit code."""
    done = run_python(SAMPLE, *arguments, env=env, code=None, merged=True, timeout=DEADLINE)
    return done.stdout, done.returncode


def test_live_servers(env):
    """A project's live tests pass: with test cases of ours or Channels, and with the fixture."""
    assert run_tests(SAMPLE, env=env) == (12 if channels.__version__.startswith("4.2.") else 13)


def test_in_memory(env):
    """A database in memory is refused in Channels' words, by test cases and by the fixture."""
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fixture or settings"]
    output, code = python(*command, env={**env, "LIVE_IN_MEMORY": "1"})
    assert code == 1
    assert "3 errors in" in output
    assert "ChannelLiveServerTestCase can not be used with in memory databases" in output
    assert 'DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}' in output


def test_without_daphne(env):
    """It is importable without Daphne, and makes ``channels.testing`` importable, which is not."""
    output, code = python("-c", WITHOUT_DAPHNE + "import channels.testing", env=env)
    assert code == 1 and "No module named 'daphne" in output
    imports = "import channels_bridge.testing, channels.testing; "
    imports += "from channels_bridge.testing.websocket import WebsocketCommunicator; "
    imports += "print(channels.testing.ChannelsLiveServerTestCase)"
    output, code = python("-c", WITHOUT_DAPHNE + imports, env=env)
    assert (output, code) == (
        "<class 'channels_bridge.testing.live.ChannelsLiveServerTestCase'>\n",
        0,
    )


IN_A_PROJECT = """
import django, pytest
django.setup()
from importlib.util import find_spec
from channels.testing import ApplicationCommunicator, ChannelsLiveServerTestCase, HttpCommunicator
from channels.testing.live import ChannelsLiveServerTestCase as Again
from channels.testing.websocket import WebsocketCommunicator
import channels_bridge.testing.live, channels.testing.live
assert find_spec("daphne") is None
assert Again is ChannelsLiveServerTestCase
assert channels.testing.live is channels_bridge.testing.live
assert channels.testing.live.__name__ == "channels_bridge.testing.live"
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "ChannelsTests"]))
"""


def test_without_daphne_in_a_project(env):
    """Where the application is installed, ``channels.testing`` needs no Daphne, and serves
    tests.
    """
    output, code = python("-c", WITHOUT_DAPHNE + IN_A_PROJECT, env=env)
    assert code == 0, output
    assert "1 passed" in output or channels.__version__.startswith("4.2.")


def test_configured(socket_dir):
    """A live server takes over settings that no module has, and ends without warnings."""
    env = {"LIVE_DIRECTORY": str(socket_dir)}
    assert python("-W", "error", "configured.py", env=env) == ("configured\n", 0)


def test_orphan(env):
    """A live server does not outlive the tests, however they end."""
    with subprocess.Popen(
        [sys.executable, "orphan.py"], cwd=SAMPLE, env=environment(env), stdout=subprocess.PIPE
    ) as process:
        server = psutil.Process(int(process.stdout.readline()))
        process.kill()
    server.wait(DEADLINE)
    assert not os.path.exists(f"/proc/{server.pid}")
