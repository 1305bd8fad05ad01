"""The supervisor takes the place of ``websockets_server``: the same process, another program.

``manage.py`` sets Django up before it runs a command, which the supervisor has no use for. It takes
memory, and what ``AppConfig.ready()`` starts, such as a scheduler, would run once more than there
are workers. So the process becomes another program, under the same number and with the same
terminal and sockets, in which Django is not set up (``supervisor_program``). What the settings
module starts is started again, and what was registered with ``atexit`` is called when the server
starts.

Spec deviation: under Daphne ``ready()`` is called in one process, here in each worker as well.
"""

from __future__ import annotations

import atexit
import importlib.machinery
import sys
import threading
import zipimport
from typing import NoReturn

from django.conf import settings
from django.db import connections

from channels_bridge.common import child_program
from channels_bridge.project.supervisor_program import Job
from channels_bridge.server.errors import StartupError

#: What the process then runs.
PROGRAM = "channels_bridge.project.supervisor_program:run"

#: Seconds for what is registered with atexit, before this process becomes another program.
PATIENCE = 2.0

#: Loaders of settings modules that were simply imported: another process gets the same settings.
_LOADERS = (
    importlib.machinery.SourceFileLoader,
    importlib.machinery.SourcelessFileLoader,
    zipimport.zipimporter,
)


def can_become_supervisor() -> bool:
    """Whether another program can go on with what this process does.

    It can't where settings were not simply imported, as those that ``settings.configure()`` or a
    library makes, nor under a debugger, a profiler or coverage.
    """
    return (
        threading.current_thread() is threading.main_thread()
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
    """End all that runs in this process, and supervise under its process id.

    Raises:
        StartupError: Python can't be started.
    """
    connections.close_all()
    leaving = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    leaving.start()
    leaving.join(PATIENCE)
    socks = [listener.sock for listener in (*job.listeners, *job.endpoints)]
    fds = [*(sock.fileno() for sock in socks), *job.directories.values()]
    try:
        child_program.become(PROGRAM, job, fds=fds)
    except OSError as error:
        raise StartupError(f"cannot start Python: {error}") from error
