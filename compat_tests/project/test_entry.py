"""The first imports of a worker."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from compat_tests.servers import environment

SETTINGS = """
import preparation
assert preparation.is_done or not {strict}, "Django was set up before the application's module"
SECRET_KEY = "x"
INSTALLED_APPS = ["channels_bridge", "django.contrib.contenttypes", "django.contrib.auth"]
"""

ROUTER = """
from channels.routing import ProtocolTypeRouter
application = ProtocolTypeRouter({"websocket": None})
"""

# Does what a worker does with the application of module `asgi`; prints what it got.
WORKER = """
import json, sys
from channels_bridge.project.entry import application
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
try:
    application(ServerConfig(application="", asgi_application="asgi.application"))
except StartupError as error:
    print(json.dumps(str(error)))
else:
    from django.apps import apps
    import preparation
    print(json.dumps([apps.ready, preparation.imports]))
"""


@pytest.fixture
def enter(tmp_path: Path):
    """Enter a project with an asgi.py; returns what a worker says of it."""

    def enter(asgi: str, *, strict: bool = True):
        (tmp_path / "preparation.py").write_text("is_done, imports = False, 0\n")
        (tmp_path / "settings.py").write_text(
            SETTINGS.format(strict=strict) + 'ASGI_APPLICATION = "asgi.application"\n'
        )
        count = "import preparation\npreparation.imports += 1\n"
        (tmp_path / "asgi.py").write_text(count + textwrap.dedent(asgi))
        env = environment({"DJANGO_SETTINGS_MODULE": "settings"})
        output = subprocess.check_output(
            [sys.executable, "-c", WORKER], cwd=tmp_path, env=env, timeout=60
        )
        return json.loads(output)

    return enter


def test_the_application_comes_first(enter):
    """What asgi.py prepares is there when settings are read, and Django is set up after it."""
    first = "import sys; assert 'django' not in sys.modules; preparation.is_done = True\n"
    setup = "from django.core.asgi import get_asgi_application; get_asgi_application()\n"
    assert enter(first + setup + ROUTER) == [True, 1]


def test_an_application_that_needs_django(enter):
    """One that imports models and doesn't set Django up is served, as under runserver."""
    models = "from django.contrib.auth.models import User\n"
    assert enter(models + ROUTER, strict=False) == [True, 2]
    wrapped = """
    try:
        from django.contrib.auth.models import User
    except Exception as error:
        raise ImportError("no models") from error
    """
    assert enter(textwrap.dedent(wrapped) + ROUTER, strict=False) == [True, 2]


def test_an_application_that_fails(enter):
    """Whatever else it raises is told in one line, with its place."""
    setup = "import django; django.setup()\n"
    text = enter(f"preparation.is_done = True\n{setup}raise LookupError('no such key')\n")
    assert "ASGI_APPLICATION is 'asgi.application', but importing asgi fails: " in text
    assert "fails: LookupError: no such key (" in text and "asgi.py, line " in text
