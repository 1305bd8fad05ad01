"""Advice to a project, before it is served and when a server starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from channels.routing import ProtocolTypeRouter
from django.core import checks
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from channels_bridge.__main__ import main
from channels_bridge.project.advice import startup_advice
from channels_bridge.project.advice.deployment_checks import check_deployment
from channels_bridge.project.advice.environment_sources import named_by_file, named_by_module
from channels_bridge.project.advice.installed import check_installed, warn_runserver
from channels_bridge.project.asgi_application import missing_protocols
from channels_bridge.server.bind import parse_bind
from channels_bridge.server.listen import listen
from channels_bridge.transport import get_channel_layer
from compat_tests.servers import run_python, websockets_server

MANAGE = """
import os, sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "local")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""

SETTINGS = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = {apps}
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {{"default": {{"BACKEND": "channels_bridge.layers.LocalChannelLayer"}}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that makes a layer in a module of models."""
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "urls.py").write_text("urlpatterns = []")
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "models.py").write_text(
        "from channels.layers import get_channel_layer\nlayer = get_channel_layer()\n"
    )
    return tmp_path


def run(project: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    """Run Python in the project, with these variables."""
    return run_python(project, *arguments, env=env, code=None)


def test_an_application_that_is_missing(project):
    """Without the application, `python -m channels_bridge` says so, and `check` if models send."""
    (project / "local.py").write_text(SETTINGS.format(apps=["channels", "chat"]))
    result = run(project, "-m", "channels_bridge")
    assert result.returncode == 1
    assert result.stderr.startswith('local: INSTALLED_APPS does not have "channels_bridge"')
    assert len(result.stderr.splitlines()) == 1
    assert "channels_bridge.W005" in run(project, "manage.py", "check").stderr
    (project / "local.py").write_text(SETTINGS.format(apps=["channels_bridge"]))
    result = run(project, "-m", "channels_bridge")
    assert result.stderr.startswith("local: ASGI_APPLICATION is 'asgi.application', but importing")
    assert result.returncode == len(result.stderr.splitlines()) == 1
    (project / "asgi.py").write_text(ASGI)
    result = run(project, "-m", "channels_bridge")
    assert "is installed in local" in result.stdout
    assert "WARNING ASGI_APPLICATION takes no WebSockets" in result.stderr
    assert result.returncode == 0


def test_no_project(tmp_path, monkeypatch):
    """Outside of a project, `python -m channels_bridge` says where it belongs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    assert "where the project's manage.py is" in main([])


def test_the_check_of_layers(settings):
    """W005: a layer of ours is in use, and the application is not; a foreign one is no reason."""
    assert get_channel_layer() is not None
    assert check_installed in checks.registry.registry.get_checks()
    assert check_installed(None) == []
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "channels_bridge"]
    (message,) = check_installed(None)
    assert message.id == "channels_bridge.W005"
    foreign = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    with override_settings(CHANNEL_LAYERS=foreign):
        assert check_installed(None) == []


@pytest.mark.parametrize(
    ("argv", "is_installed", "lines"),
    [
        (["manage.py", "runserver", "8000"], False, 1),
        (["manage.py", "runserver"], True, 0),
        (["manage.py", "shell"], False, 0),
        (["celery"], False, 0),
    ],
)
def test_a_runserver_that_is_not_ours(settings, monkeypatch, caplog, argv, is_installed, lines):
    """Django's own runserver says that it takes no WebSockets, once a layer is asked for."""
    monkeypatch.setattr(sys, "argv", argv)
    if not is_installed:
        apps = [app for app in settings.INSTALLED_APPS if app != "channels_bridge"]
        settings.INSTALLED_APPS = apps
    warn_runserver()
    said = 'takes no WebSockets, as INSTALLED_APPS does not have "channels_bridge"'
    assert caplog.text.count(said) == lines


VARIABLE = "DJANGO_SETTINGS_MODULE"
ASGI = """
import os
from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "production")
application = ProtocolTypeRouter({"http": get_asgi_application()})
"""


@pytest.mark.parametrize(
    ("source", "defaults", "forced"),
    [
        (MANAGE, {"local"}, set()),
        (f'import os\nos.environ["{VARIABLE}"] = "a.b"', set(), {"a.b"}),
        (f'from os import environ as e\ne["{VARIABLE}"] = e.get("{VARIABLE}", "a")', {"a"}, set()),
        (
            "def main():\n if x:\n"
            f'  setdefault("{VARIABLE}", "a")\n else:\n  setdefault("{VARIABLE}", "b")',
            {"a", "b"},
            set(),
        ),
        (f'os.environ.setdefault("{VARIABLE}", f"a.{{x}}")', set(), set()),
        ('os.environ.setdefault("DJANGO_SETTINGS", "a")\nf("a", "b", "c")', set(), set()),
        ("this is no Python", set(), set()),
    ],
)
def test_what_a_file_names(tmp_path, source, defaults, forced):
    """The settings module that a file names is found in its source."""
    (tmp_path / "x.py").write_text(source)
    assert named_by_file(tmp_path / "x.py", VARIABLE) == (defaults, forced)


@pytest.mark.parametrize("package", [True, False])
def test_what_a_module_names(tmp_path, monkeypatch, package):
    """A module is found without being imported, its package as little."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "unimported").mkdir()
    (tmp_path / "unimported" / "asgi.py").write_text(f"1 / 0\n{MANAGE}")
    if package:
        (tmp_path / "unimported" / "__init__.py").write_text("1 / 0")
    named = named_by_module("unimported.asgi", VARIABLE)
    assert named.defaults == {"local"}
    assert named_by_module("unimported.missing", VARIABLE).defaults == set()
    assert named_by_module("", VARIABLE).defaults == set()
    assert "unimported" not in sys.modules


@pytest.fixture
def entries(tmp_path, monkeypatch, settings):
    """A project's asgi.py and manage.py, and a process that manage.py has started."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "entry.py").write_text(ASGI)
    (tmp_path / "manage.py").write_text(MANAGE)
    settings.ASGI_APPLICATION = "entry.application"
    monkeypatch.setattr(sys, "argv", ["manage.py", "websockets_server"])
    monkeypatch.setattr(startup_advice, "_script", lambda: tmp_path / "manage.py")
    monkeypatch.setattr(startup_advice, "_first_environment", lambda: {"PATH"})
    monkeypatch.setenv(VARIABLE, "local")
    return tmp_path


def test_other_settings_than_before(entries):
    """W007: the settings are manage.py's, and under another ASGI server they were asgi.py's."""
    (text,) = startup_advice.about_settings()
    assert "'local', the default of manage.py" in text and "'production', as entry says" in text
    assert "channels_bridge.W007" in [message.id for message in check_deployment(None)]
    (entries / "entry.py").write_text(ASGI.replace("_SETTINGS_MODULE", "_CONFIGURATION"))
    os.environ["DJANGO_CONFIGURATION"] = "Dev"
    try:
        assert len(list(startup_advice.about_settings())) == 1
    finally:
        del os.environ["DJANGO_CONFIGURATION"]
    assert list(startup_advice.about_settings()) == []


@pytest.mark.parametrize(
    ("argv", "given", "used"),
    [
        (["manage.py", "websockets_server", "--settings=local"], {"PATH"}, "local"),
        (["manage.py", "websockets_server", "--settings", "local"], {"PATH"}, "local"),
        (["manage.py", "websockets_server"], {VARIABLE}, "local"),
        (["manage.py", "websockets_server"], None, "staging"),  # by a .env file, perhaps
        (["manage.py", "websockets_server"], {"PATH"}, "production"),
    ],
)
def test_settings_that_were_chosen(entries, monkeypatch, argv, given, used):
    """Who chooses settings by an option or the environment gets them under any server."""
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(startup_advice, "_first_environment", lambda: given)
    monkeypatch.setenv(VARIABLE, used)
    assert list(startup_advice.about_settings()) == []


def test_settings_that_asgi_forces(entries, monkeypatch):
    """Where asgi.py sets the settings whatever was chosen, a choice of others is no use."""
    (entries / "entry.py").write_text(f'import os\nos.environ["{VARIABLE}"] = "production"')
    monkeypatch.setattr(startup_advice, "_first_environment", lambda: {VARIABLE})
    (text,) = startup_advice.about_settings()
    assert "entry always sets it to 'production'" in text
    monkeypatch.setenv(VARIABLE, "production")
    assert list(startup_advice.about_settings()) == []


@pytest.mark.parametrize(
    ("bind", "reachable"),
    [(":0", True), ("127.0.0.1:0", False), ("[::1]:0", False), ("unix:", False)],
)
def test_debug_for_strangers(settings, socket_dir, bind, reachable):
    """DEBUG is warned of where others than this machine can connect."""
    if bind == "[::1]:0" and not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    listeners = listen([parse_bind(f"{bind}{socket_dir}/s" if bind == "unix:" else bind)])
    try:
        settings.DEBUG = True
        assert len(list(startup_advice.about_debug(listeners))) == reachable
        settings.DEBUG = False
        assert list(startup_advice.about_debug(listeners)) == []
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize(
    ("bind", "said"),
    [("127.0.0.1:0", True), (":0", False), ("unix:", False)],
)
@pytest.mark.parametrize("is_container", [True, False])
def test_addresses_within_a_container(monkeypatch, socket_dir, bind, said, is_container):
    """In a container the loopback address is for nobody else."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(startup_advice, "MARKS", [socket_dir / "mark"])
    if is_container:
        (socket_dir / "mark").touch()
    (listener,) = listen([parse_bind(f"{bind}{socket_dir}/s" if bind == "unix:" else bind)])
    try:
        port = listener.sock.getsockname()[1]
        note = f" (reached from inside this container only; for others write -b :{port})"
        expected = note if said and is_container else ""
        assert startup_advice.describe_reach(listener) == expected
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        assert startup_advice.describe_reach(listener) == (note if said else "")
    finally:
        listener.close()


async def nothing(scope, receive, send):
    pass


BOTH = ("websocket", "http")


@pytest.mark.parametrize(
    ("application", "missing"),
    [
        (ProtocolTypeRouter({"http": nothing}), ["websocket"]),
        (ProtocolTypeRouter({"websocket": nothing}), ["http"]),
        (ProtocolTypeRouter({"channel": nothing}), ["websocket", "http"]),
        (ProtocolTypeRouter({"http": nothing, "websocket": nothing}), []),
        (ASGIHandler(), ["websocket"]),
        (nothing, []),  # which is not known
    ],
)
def test_what_an_application_lacks(application, missing):
    """An application may lack either protocol; without pages nobody asks for them."""
    assert missing_protocols(application, BOTH) == missing
    assert missing_protocols(application, ["websocket"]) == [m for m in missing if m != "http"]


def test_a_start_with_surprises(project):
    """Each surprise is a line at the start, and the server serves all that it can."""
    apps = ["channels_bridge"]
    (project / "local.py").write_text(SETTINGS.format(apps=apps))
    (project / "asgi.py").write_text(ASGI)
    with websockets_server(project, workers=2) as server:
        log = server.log()
        for line in (
            "WARNING DJANGO_SETTINGS_MODULE is 'local', the default of manage.py.",
            "WARNING channel layer 'default' is LocalChannelLayer",
            "WARNING ASGI_APPLICATION takes no WebSockets",
        ):
            assert log.count(line) == 1, log
        assert "groups over LocalChannelLayer, within each worker" in log
        with pytest.raises(HTTPError, match="404") as missing:
            urlopen(server.url, timeout=10)
        missing.value.close()
        with pytest.raises(InvalidStatus) as refused, connect(server.ws_url, proxy=None):
            pass
        assert refused.value.response.status_code == 500
