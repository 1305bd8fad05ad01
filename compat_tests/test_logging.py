"""Where the server's log lines go."""

from __future__ import annotations

import logging
import logging.config
from types import SimpleNamespace

import pytest

from channels_bridge.logs import configure_logging


@pytest.fixture(autouse=True)
def loggers():
    """Put the package's loggers back as they were."""
    package, server = logging.getLogger("channels_bridge"), logging.getLogger(NAME)
    before = package.level, list(package.handlers), package.disabled, server.disabled
    yield
    package.level, package.handlers[:], package.disabled, server.disabled = (
        before[0],
        before[1],
        before[2],
        before[3],
    )


NAME = "channels_bridge.server"


def test_a_project_that_says_nothing(monkeypatch):
    """Without a word in LOGGING, lines from INFO on go to the console."""
    monkeypatch.setattr(logging.getLogger("channels_bridge"), "propagate", False)
    configure_logging()
    assert logging.getLogger(NAME).isEnabledFor(logging.INFO)
    (handler,) = logging.getLogger("channels_bridge").handlers
    assert isinstance(handler, logging.StreamHandler)


@pytest.mark.parametrize(("named", "disabled"), [({}, False), ({NAME: {"level": "ERROR"}}, True)])
def test_a_project_that_disables_existing_loggers(monkeypatch, named, disabled):
    """LOGGING disables loggers made before it, by default: ours stay, unless it names them."""
    logging.getLogger(NAME).disabled = True
    # Not by override_settings(), which newer versions of Django follow by configuring logging.
    project = SimpleNamespace(LOGGING={"version": 1, "loggers": named})
    monkeypatch.setattr("channels_bridge.logs.settings", project)
    configure_logging()
    assert logging.getLogger(NAME).disabled is disabled
