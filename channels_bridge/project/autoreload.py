"""``--reload``: a worker ends itself when a source file changes, and is started anew.

The watching is Django's, the same as ``runserver``'s, with watchman where that is installed.
"""

from __future__ import annotations

import os
import signal
import threading

from django.utils import autoreload


def watch() -> None:
    """Watch this process's source files from a thread; on a change, stop as SIGTERM would.

    Call it once the application is imported: the modules loaded are the files watched.
    """
    threading.Thread(target=_watch, name="reload", daemon=True).start()


def _watch() -> None:
    reloader = autoreload.get_reloader()
    autoreload.autoreload_started.send(sender=reloader)  # apps name further files to watch
    try:
        reloader.run_loop()
    except SystemExit:  # how Django's reloader says that a file has changed
        os.kill(os.getpid(), signal.SIGTERM)
