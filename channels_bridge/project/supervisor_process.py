"""The supervisor of ``websockets_server``: in the process of the command, or in its place.

``manage.py`` sets Django up before it runs a command, so that ``AppConfig.ready()`` is called in
the process that only supervises: a scheduler started there would run once more than there are
workers. Where ``ready()`` has left threads, the process becomes another program, under the same
number and with the same terminal and sockets, in which Django is not set up and they don't run.
What the settings module starts is started again, and what was registered with ``atexit`` is
called when the server starts.

Spec deviation: under Daphne ``ready()`` is called in one process, here in each worker as well.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib.machinery
import logging
import sys
import threading
import zipimport
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import django.utils.log
from django.conf import settings
from django.db import connections

from channels_bridge.common import child_program
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.exit_signals import exit_by_signals
from channels_bridge.common.process_title import make_title, set_title
from channels_bridge.groups.discovery import runtime_directory
from channels_bridge.logs import configure_logging
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.supervisor.child_process import Service
from channels_bridge.server.supervisor.supervisor import Supervisor, Watcher

logger = logging.getLogger("channels_bridge.server")

#: Seconds for what is registered with atexit, before this process becomes another program.
PATIENCE = 2.0

#: Loaders of settings modules that were simply imported: another process gets the same settings.
_LOADERS = (
    importlib.machinery.SourceFileLoader,
    importlib.machinery.SourcelessFileLoader,
    zipimport.zipimporter,
)


@dataclass(frozen=True)
class Job:
    """All that a supervisor needs; picklable.

    Attributes:
        banner: printed when everything serves.
        endpoints: listeners that watchers serve.
        directories: those that this process keeps, with descriptors.
    """

    config: ServerConfig
    listeners: Sequence[Listener]
    hubs: Sequence[Service]
    banner: str
    watchers: Sequence[Watcher]
    endpoints: Sequence[Listener]
    directories: dict[Path, int]


def supervise(job: Job, *, is_program: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        is_program: whether this is all that the process does.

    Raises:
        StartupError: the server could not start.
    """
    if is_program:
        set_title(make_title("supervisor", job.config.asgi_application))
    try:
        asyncio.run(_supervise(job, is_program))
    finally:
        runtime_directory.leave_all()


async def _supervise(job: Job, is_program: bool) -> None:
    announce = partial(print, job.banner, flush=True)
    await Supervisor(job.config, job.listeners, job.hubs, announce, job.watchers).run()
    if is_program:
        exit_by_signals(Supervisor.SIGNALS)


def leaves_threads() -> bool:
    """Whether threads run here that this process can leave behind.

    They stay where settings were not simply imported, as those that
    ``settings.configure()`` or a library makes, nor under a debugger, a profiler or coverage.
    """
    return (
        threading.active_count() > 1
        and threading.current_thread() is threading.main_thread()
        and _is_imported_simply(settings.SETTINGS_MODULE)
        and not _is_observed()
    )


def _is_imported_simply(module: str | None) -> bool:
    spec = getattr(sys.modules.get(module or ""), "__spec__", None)
    return type(getattr(spec, "loader", None)) in _LOADERS


def _is_observed() -> bool:
    # Whoever watches this process would lose it.
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return True
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and any(map(monitoring.get_tool, range(6)))


def become_supervisor(job: Job) -> NoReturn:
    """End all that runs in this process, and supervise under its process id."""
    connections.close_all()
    leaving = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    leaving.start()
    leaving.join(PATIENCE)
    socks = [listener.sock for listener in (*job.listeners, *job.endpoints)]
    fds = [*(sock.fileno() for sock in socks), *job.directories.values()]
    child_program.become("channels_bridge.project.supervisor_process:run", job, fds=fds)


def run(job: Job) -> None:
    """Supervise, in the program that the command has become."""
    runtime_directory.take_over(job.directories)
    django.utils.log.configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    configure_logging(job.config.access_log_format)
    try:
        supervise(job, is_program=True)
    except StartupError as error:
        leave_soon(1)
        sys.exit(f"CommandError: {error}")
    leave_soon(0)
