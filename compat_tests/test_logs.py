"""Logging: where the server's log lines go."""

from __future__ import annotations

import io
import logging
import logging.config
from types import SimpleNamespace

import pytest

from channels_bridge.logs import configure_logging

NAME = "channels_bridge.server"


@pytest.fixture(autouse=True)
def loggers(monkeypatch):
    """The package's loggers as in a new process, and afterwards as they were."""
    names = ["channels_bridge", "channels_bridge.access", NAME]
    before = [(logging.getLogger(name), vars(logging.getLogger(name)).copy()) for name in names]
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.WARNING)
    for logger, _ in before:
        logger.handlers, logger.level, logger.propagate = [], logging.NOTSET, True
    yield
    for logger, attributes in before:
        logger.__class__ = logging.Logger
        vars(logger).update(attributes)
        logger.manager._clear_cache()


@pytest.fixture
def configure(monkeypatch):
    """Follow a project's LOGGING, as Django does; returns what comes to the console."""

    def configure(config, *arguments):
        console = io.StringIO()
        monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
        monkeypatch.setattr("sys.stderr", console)
        # Not by override_settings(), which newer versions of Django follow by themselves.
        monkeypatch.setattr("channels_bridge.logs.settings", SimpleNamespace(LOGGING=config))
        if config:
            logging.config.dictConfig(config)
        configure_logging(*arguments)
        return console

    return configure


CONSOLE = {"class": "logging.StreamHandler"}
HANDLERS = {
    "console": CONSOLE,
    "warnings": {**CONSOLE, "level": "WARNING"},
    "errors": {"class": "logging.handlers.BufferingHandler", "capacity": 9, "level": "ERROR"},
    "debug": {**CONSOLE, "filters": ["never"]},
    "null": {"class": "logging.NullHandler"},
}


def logging_of(**config):
    """A LOGGING setting with the tests' handlers, and these entries."""
    return {
        "version": 1,
        "filters": {"never": {"()": "logging.Filter", "name": "nobody"}},
        "handlers": HANDLERS,
        **config,
    }


def log():
    """Each kind of line once."""
    logger = logging.getLogger(NAME)
    logger.info("a worker is ready")
    logger.warning("a client is slow")
    try:
        raise LookupError("a consumer's")
    except LookupError:
        logger.exception("Exception in ASGI application")
    logging.getLogger("channels_bridge.access").info("HTTP GET /")


@pytest.mark.parametrize(
    "config",
    [
        {},
        logging_of(root={"handlers": ["console"], "level": "WARNING"}),
        logging_of(root={"handlers": ["warnings"]}),
        logging_of(root={"handlers": ["errors"], "level": "ERROR"}),
        logging_of(root={"handlers": ["debug"], "level": "DEBUG"}),
        logging_of(root={"handlers": ["null"]}),
        logging_of(root={"level": "ERROR"}),
        logging_of(disable_existing_loggers=False),
        logging_of(loggers={"django": {"handlers": ["console"]}}),
    ],
)
def test_whatever_logging_says(configure, config):
    """Each of our lines is in the console once, and tracebacks are, whatever LOGGING says."""
    console = configure(config)
    for _ in range(2):
        log()
        text = console.getvalue()
        for line in (
            "is ready",
            "is slow",
            "Exception in",
            "LookupError: a consumer's",
            "HTTP GET",
        ):
            assert text.count(line) == 1, (line, text)
        console.truncate(0)
        console.seek(0)
        if config:  # once more, and late: in a view, or by a second django.setup()
            logging.config.dictConfig(config)


def test_what_logging_names(configure):
    """Loggers that LOGGING names are its own business, others are not."""
    silent = {"level": "ERROR", "handlers": ["console"], "propagate": False}
    console = configure(logging_of(loggers={"channels_bridge.access": silent}))
    log()
    assert "HTTP GET" not in console.getvalue() and "is ready" in console.getvalue()
    console = configure(logging_of(loggers={"channels_bridge": silent}))
    log()
    assert "Exception in" in console.getvalue() and "is slow" not in console.getvalue()


def test_other_formats(configure):
    """Access lines of another format have nothing around them, also with a second call."""
    console = configure({}, "json")
    configure_logging("json")
    log()
    assert console.getvalue().endswith("\nHTTP GET /\n")
    assert console.getvalue().count("HTTP GET /") == 1
