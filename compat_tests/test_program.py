"""``python -m channels_bridge`` and ``channels-bridge``: a server without manage.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from channels_bridge import __version__
from channels_bridge.__main__ import main
from compat_tests.servers import BRIDGE_READY, REPOSITORY, run_python, running

SITE = Path(__file__).parent / "processes" / "site"
MODULE = ["-m", "channels_bridge"]


#: What pip makes of the entry point: its directory is where Python looks first, not the project's.
SCRIPT = "import sys; from channels_bridge.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize("is_script", [False, True], ids=["module", "script"])
@pytest.mark.parametrize("verb", [["serve"], []], ids=["serve", "options"])
def test_serving(is_script, verb, socket_dir):
    """In the project's directory it serves with manage.py's settings, as a program of its own."""
    (socket_dir / "script.py").write_text(SCRIPT)
    command = [sys.executable, *([socket_dir / "script.py"] if is_script else MODULE)]
    line = [*command, *verb, "-b", "127.0.0.1:0", "-w", "2"]
    env = {"TMPDIR": str(socket_dir)}
    with running(line, SITE, BRIDGE_READY, env=env) as server:
        with connect(server.ws_url, proxy=None) as websocket:
            assert websocket.ping().wait(10)
        assert "using settings 'settings'" in server.log()
        assert "WARNING" not in server.log()
        assert server.stop() == 0


def test_serving_from_elsewhere(socket_dir):
    """From another directory, the project's is given with --pythonpath."""
    line = [sys.executable, *MODULE, "serve", "--pythonpath", str(SITE)]
    # Empty, as compose makes it of a variable that its own environment doesn't have.
    env = {"TMPDIR": str(socket_dir), "PORT": "0", "DJANGO_SETTINGS_MODULE": ""}
    with running(line, socket_dir, BRIDGE_READY, env=env) as server:
        assert "using settings 'settings'" in server.log()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve"], "Run this where the project's manage.py is, or set DJANGO_SETTINGS_MODULE"),
        (["check"], "Run this where the project's manage.py is, or set DJANGO_SETTINGS_MODULE"),
        (["-w", "2", "--settings", "nope.local"], "there is no settings module 'nope.local' here"),
        (["mysite.asgi:application"], "The setting ASGI_APPLICATION names the application"),
        (["migrate"], "python manage.py migrate"),
    ],
)
def test_mistakes(tmp_path, arguments, words):
    """What is missing or meant otherwise is a sentence."""
    result = run_python(tmp_path, *MODULE, *arguments, code=1)
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_settings_that_fail(tmp_path):
    """A module that the settings import, and that is missing, is not taken for the settings."""
    (tmp_path / "broken.py").write_text("import missing_package")
    result = run_python(tmp_path, *MODULE, "serve", "--settings", "broken", code=1)
    assert "ModuleNotFoundError: No module named 'missing_package'" in result.stderr
    assert f"{sys.executable} does not have it: correct the name, install it" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_application_that_is_misspelt(tmp_path):
    """The settings ask for a package whose name is nearly ours."""
    settings = 'SECRET_KEY = "x"\nINSTALLED_APPS = ["channel_bridge"]'
    (tmp_path / "misspelt.py").write_text(settings)
    result = run_python(tmp_path, *MODULE, "check", "--settings", "misspelt", code=1)
    assert "No module named 'channel_bridge'. Did you mean 'channels_bridge'?" in result.stderr


def test_mistakes_of_options(socket_dir):
    """Wrong options are answered as by manage.py, and not with a page of usage."""
    env = {"TMPDIR": str(socket_dir)}
    serve = (*MODULE, "serve")
    result = run_python(SITE, *serve, "-b", "8000", env=env, code=1)
    assert "the host is missing; write 127.0.0.1:8000" in result.stderr
    result = run_python(SITE, *serve, "-p", "8000", env=env, code=2)
    assert result.stderr.startswith("CommandError: -p of Daphne: write -b HOST:PORT")
    result = run_python(SITE, *serve, "--xyzzy", env=env, code=2)
    assert result.stderr.startswith("usage: channels-bridge serve [options]\n")


def test_help(tmp_path, capsys):
    """Help needs no project."""
    assert main(["--help"]) is None
    assert "serve --help lists its options" in capsys.readouterr().out
    assert main(["--version"]) is None
    assert capsys.readouterr().out == f"{__version__}\n"
    result = run_python(tmp_path, *MODULE, "serve", "--help")
    assert "--workers N" in result.stdout


def test_the_script_is_declared():
    """The distribution brings the script."""
    declared = 'channels-bridge = "channels_bridge.__main__:main"'
    assert declared in (REPOSITORY / "pyproject.toml").read_text()
