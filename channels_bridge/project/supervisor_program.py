"""The supervisor's program: what it needs, and its main function.

It is a program of its own, which the command becomes, so that it takes the memory of what it does:
no application, no model and no gRPC is ever loaded into it. So nothing of that is imported here.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.exit_signals import exit_by_signals
from channels_bridge.common.heap_trim import trim_heap
from channels_bridge.common.process_title import make_title, set_title
from channels_bridge.groups.discovery import runtime_directory
from channels_bridge.logs import configure_logging, show_lines
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.supervisor.child_process import Service
from channels_bridge.server.supervisor.supervisor import Supervisor, Watcher

logger = logging.getLogger("channels_bridge.server")

#: Django's default of ``LOGGING_CONFIG``.
DICT_CONFIG = "logging.config.dictConfig"


@dataclass(frozen=True)
class Job:
    """All that a supervisor needs; picklable.

    Attributes:
        banner: printed when everything serves.
        endpoints: listeners that watchers serve.
        directories: those that this process keeps, with descriptors.
        logging: what the settings say of it, pickled; empty where that can't be.
    """

    config: ServerConfig
    listeners: Sequence[Listener]
    hubs: Sequence[Service]
    banner: str
    watchers: Sequence[Watcher]
    endpoints: Sequence[Listener]
    directories: dict[Path, int]
    logging: bytes = b""


def supervise(job: Job, *, is_program: bool, is_alone: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        is_program: whether this is all that the process does.
        is_alone: whether nothing of the project runs in it either, as ``AppConfig.ready()`` starts.

    Raises:
        StartupError: the server could not start.
    """
    if is_program:
        set_title(make_title("supervisor", job.config.asgi_application))
    try:
        asyncio.run(_supervise(job, is_program, is_alone))
    finally:
        runtime_directory.leave_all()


async def _supervise(job: Job, is_program: bool, is_alone: bool) -> None:
    def announce() -> None:
        print(job.banner, flush=True)
        if is_program:
            trim_heap()

    supervisor = Supervisor(
        job.config, job.listeners, job.hubs, announce, job.watchers, is_alone=is_alone
    )
    await supervisor.run()
    if is_program:
        exit_by_signals(Supervisor.SIGNALS)


def run(job: Job) -> None:
    """Supervise, in the program that the command has become."""
    runtime_directory.take_over(job.directories)
    prepare_logging(job)
    try:
        supervise(job, is_program=True, is_alone=True)
    except StartupError as error:
        leave_soon(1)
        sys.exit(f"CommandError: {error}")
    leave_soon(0)


def pickled_logging() -> bytes:
    """Return what the settings say of logging; nothing where it has, say, a lambda."""
    try:
        return pickle.dumps(
            {"LOGGING_CONFIG": settings.LOGGING_CONFIG, "LOGGING": settings.LOGGING}
        )
    except Exception:
        return b""


def prepare_logging(job: Job) -> None:
    """Log as the settings say, or at least to the console."""
    try:
        _load_settings(job.logging)
        apply_logging()
        configure_logging(job.config.access_log_format)
    except Exception as error:
        show_lines()
        logger.warning(
            "LOGGING can't be applied in the supervisor, which logs to the console (%s: %s): it is "
            "a program of its own, for which the settings can prepare things, but not manage.py",
            type(error).__name__,
            error,
        )


def _load_settings(logging_in_command: bytes) -> None:
    """Import the settings, which may set up more; or take what the command had of them."""
    try:
        settings.LOGGING  # noqa: B018
    except Exception:  # what manage.py may have prepared for them isn't there
        if not logging_in_command:
            raise
        settings.configure(**pickle.loads(logging_in_command))


def apply_logging() -> None:
    """Apply LOGGING.

    As ``django.setup()`` does it, but for Django's own loggers where LOGGING does not build on
    them: they say nothing here, and what configures them takes a fifth of this program's memory.
    """
    how, what = settings.LOGGING_CONFIG, settings.LOGGING
    if not how:
        return
    if how != DICT_CONFIG or what.get("incremental"):
        from django.utils.log import configure_logging as configure_all

        configure_all(how, what)
    elif what:
        from logging.config import dictConfig

        dictConfig(what)
