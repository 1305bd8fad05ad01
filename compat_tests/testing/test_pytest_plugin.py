"""The fixtures of the pytest plugin, in processes of a project that has only installed it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compat_tests.servers import run_python

SAMPLE = Path(__file__).parent / "sample"
DEADLINE = 110  # seconds

STRICT = ["-p", "no:anyio", "-o", "asyncio_mode=strict"]
AUTO = ["-p", "no:anyio", "-o", "asyncio_mode=auto"]
SESSION = ["-o", "asyncio_default_test_loop_scope=session"]
ANYIO = ["-p", "no:asyncio"]


@pytest.fixture
def project(socket_dir):
    """Runs pytest on the project's tests; returns the counts of its last line, and its output."""

    def run(*arguments, mark="", directory=SAMPLE, env=None):
        options = ["-q", "-c", "/dev/null", "--rootdir", str(directory), "-W", "error"]
        options += ["-p", "no:cacheprovider"]
        if "no:asyncio" not in arguments:
            options += ["-o", "asyncio_default_fixture_loop_scope=function"]
        done = run_python(
            directory,
            *("-m", "pytest", *options, *arguments),
            env={
                "SHOP_DIRECTORY": str(socket_dir),
                "SHOP_MARK": mark,
                "DJANGO_SETTINGS_MODULE": "shop.settings",
                "PYTHONPATH": str(SAMPLE),
                **(env or {}),
            },
            code=None,
            merged=True,
            timeout=DEADLINE,
        )
        counts = re.findall(r"(\d+) (passed|failed|errors?)\b", done.stdout.splitlines()[-1])
        return {word: int(number) for number, word in counts}, done.stdout

    return run


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("asyncio", STRICT),
        ("", AUTO),
        ("", [*AUTO, *SESSION]),
        ("anyio", ANYIO),
        ("asyncio", [*STRICT, "-p", "no:django"]),
        ("asyncio", [*STRICT, "-n", "2"]),
    ],
)
def test_communicator(project, mark, options):
    """They work however async tests are run, side by side, and without pytest-django."""
    setup = ["-p", "setup_django"] if "no:django" in options else []
    counts, output = project(*options, *setup, "test_communicator.py", "test_layer.py", mark=mark)
    assert counts == {"passed": 12}, output


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_live_server(project, options):
    """The project is served, in each process of pytest-xdist by one server."""
    counts, output = project(*options, "test_live_server.py")
    assert counts == {"passed": 2}, output


OLD_LINE = 'pytest_plugins = ["channels_bridge.testing.pytest_plugin"]\n'


@pytest.mark.parametrize("options", [[], ["-p", "no:channels_bridge"]])
def test_old_line(project, tmp_path, options):
    """A project may name the plugin as it had to before, with or without the entry point."""
    (tmp_path / "conftest.py").write_text(OLD_LINE)
    test = (
        "def test_both(channels_live_server, channels_layer): assert channels_layer.capacity == 7"
    )
    (tmp_path / "test_both.py").write_text(test)
    counts, output = project(*options, directory=tmp_path)
    assert counts == {"passed": 1}, output


def test_turned_off(project):
    """It can be turned off as any plugin."""
    counts, output = project("-p", "no:channels_bridge", "test_live_server.py")
    assert counts == {"errors": 2}
    assert "fixture 'channels_live_server' not found" in output


def test_without_pytest_django(project):
    """The live server says what it needs, and only to those who use it."""
    counts, output = project("-p", "no:django", "test_live_server.py")
    assert counts == {"errors": 2}
    assert "channels_live_server needs pytest-django" in output
    assert "Traceback" not in output


def test_without_a_loop(project, tmp_path):
    """So does the communicator in a test that is not async."""
    test = "def test_sync(channels_communicator): channels_communicator(None, '/')"
    (tmp_path / "test_sync.py").write_text(test)
    counts, output = project(directory=tmp_path)
    assert counts == {"failed": 1}
    assert "write an async test" in output


OWN = """
import pytest

@pytest.fixture
def channels_layer():
    return "the project's own"

@pytest.fixture
def _live_server():
    raise AssertionError

def test_own(channels_layer, channels_live_server):
    assert channels_layer == "the project's own"
"""


def test_own_fixtures(project, tmp_path):
    """A project's own fixtures are nearer, and those with private names are not used."""
    (tmp_path / "test_own.py").write_text(OWN)
    counts, output = project(directory=tmp_path)
    assert counts == {"passed": 1}, output


LOADED = """
import sys

def test_loaded(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("channels_bridge")
    names = ("django", "channels", "channels_bridge", "asgiref", "websockets", "grpc", "msgpack")
    loaded = {name for name in sys.modules if name.split(".")[0] in names}
    assert loaded == {
        "channels",
        "channels_bridge",
        "channels_bridge.pytest_plugin",
        "channels_bridge.pytest_plugin.fixtures",
        "channels_bridge.pytest_plugin.live_server",
        "channels_bridge.pytest_plugin.no_live_server",
    }
"""


def test_costs_nothing(project, tmp_path):
    """Who uses no fixture loads nothing: neither Django nor this package, Channels' name apart."""
    (tmp_path / "test_loaded.py").write_text(LOADED)
    counts, output = project("-p", "no:django", directory=tmp_path)
    assert counts == {"passed": 1}, output


CALLED = """
import sys
import django, pytest
django.setup()
sys.exit(pytest.main(["-q", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function",
    "-p", "no:cacheprovider", "test_live_server.py"]))
"""


def test_called(socket_dir):
    """pytest may be called where Django is set up, as test runners of projects do, unwarned."""
    env = {"SHOP_DIRECTORY": str(socket_dir), "DJANGO_SETTINGS_MODULE": "shop.settings"}
    done = run_python(SAMPLE, "-c", CALLED, env=env, code=None, merged=True, timeout=DEADLINE)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_named_plugins(project):
    """Where pytest looks for no plugins by itself, they are named, by whatever name of theirs."""
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    named = ["-p", "no:asyncio", "-p", "pytest_django.plugin", "-p", "channels_bridge"]
    counts, output = project(*named, "test_live_server.py", env=env)
    assert counts == {"passed": 2}, output
