"""What a project is told before it is served, and when a server starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks
from django.test import override_settings

from channels_bridge.__main__ import main
from channels_bridge.installed import check_installed
from channels_bridge.transport import get_channel_layer

from .servers import environment

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
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "urls.py").write_text("urlpatterns = []")
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "models.py").write_text(
        "from channels.layers import get_channel_layer\nlayer = get_channel_layer()\n"
    )
    return tmp_path


def run(project: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=60,
    )


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
    assert (result.returncode, result.stderr) == (0, "")
    assert "is installed in local" in result.stdout


def test_no_project(tmp_path, monkeypatch):
    """Outside of a project, `python -m channels_bridge` says where it belongs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    assert "where the project's manage.py is" in main()


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
