"""How the supervisor's program logs, and that the command becomes it."""

from __future__ import annotations

import logging
import logging.config
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import django.utils.log
import psutil
import pytest

from channels_bridge.project import supervisor_process, supervisor_program
from channels_bridge.project.supervisor_program import DICT_CONFIG
from channels_bridge.server.errors import StartupError
from compat_tests.servers import websockets_server

PLAIN = {"version": 1}
GRADUAL = {"version": 1, "incremental": True}


@pytest.mark.parametrize(
    "how, what, called",
    [
        (DICT_CONFIG, {}, None),
        (DICT_CONFIG, PLAIN, (logging.config, "dictConfig", [PLAIN])),
        # These build on Django's own configuration.
        (DICT_CONFIG, GRADUAL, (django.utils.log, "configure_logging", [DICT_CONFIG, GRADUAL])),
        (
            "my.logs.configure",
            {},
            (django.utils.log, "configure_logging", ["my.logs.configure", {}]),
        ),
        (None, PLAIN, None),
    ],
)
def test_applied(monkeypatch, how, what, called):
    """LOGGING is applied as Django does, without Django's own loggers where they don't matter."""
    calls = Mock()
    monkeypatch.setattr(logging.config, "dictConfig", calls.dictConfig)
    monkeypatch.setattr(django.utils.log, "configure_logging", calls.configure_logging)
    settings = SimpleNamespace(LOGGING_CONFIG=how, LOGGING=what)
    monkeypatch.setattr(supervisor_program, "settings", settings)
    supervisor_program.apply_logging()
    expected = [] if called is None else [(called[1], tuple(called[2]), {})]
    assert calls.mock_calls == expected


def test_python_that_cannot_be_started(monkeypatch):
    """The command says so in a line, as for workers."""
    monkeypatch.setattr(supervisor_process.connections, "close_all", Mock())
    monkeypatch.setattr(supervisor_process.atexit, "_run_exitfuncs", Mock())
    error = FileNotFoundError(2, "No such file or directory", "python")
    monkeypatch.setattr(supervisor_process.child_program, "become", Mock(side_effect=error))
    with pytest.raises(StartupError, match="cannot start Python: .*No such file"):
        supervisor_process.become_supervisor(Mock(listeners=(), endpoints=(), directories={}))


MANAGE = """
import os, sys
sys.is_prepared = True
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

SETTINGS = """
import sys
if not hasattr(sys, "is_prepared"):
    raise LookupError("nobody prepared anything")
SECRET_KEY = "x"
INSTALLED_APPS = ["channels_bridge"]
ASGI_APPLICATION = "asgi.application"
"""

ASGI = """
import sys
sys.is_prepared = True
from channels.routing import ProtocolTypeRouter
application = ProtocolTypeRouter({"websocket": None})
"""


LOGS = """
LOGGING = {
    "version": 1,
    "formatters": {"mine": {"()": FORMATTER, "format": "mine: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "mine"}},
    "loggers": {"channels_bridge": {"handlers": ["console"], "level": "INFO"}},
}
"""


@pytest.mark.parametrize(
    ("formatter", "words"),
    [
        ('"logging.Formatter"', "mine: worker"),
        (
            "lambda **options: __import__('logging').Formatter(options['format'])",
            "LOGGING can't be applied in the supervisor, which logs to the console (LookupError:",
        ),
    ],
)
def test_settings_that_manage_prepares(socket_dir: Path, formatter: str, words: str):
    """The supervisor logs as settings say that it can't import, or says that it doesn't."""
    logs = LOGS.replace("FORMATTER", formatter)
    for name, text in [("manage", MANAGE), ("settings", SETTINGS + logs), ("asgi", ASGI)]:
        (socket_dir / f"{name}.py").write_text(text)
    with websockets_server(socket_dir, env={"TMPDIR": str(socket_dir)}) as server:
        assert len(psutil.Process(server.pid).children()) == 1
        server.wait_for_log("is ready")
        assert words in server.log()
        assert server.stop() == 0
