"""An application with a scheduler."""

import os
import threading
from pathlib import Path

from django.apps import AppConfig

from channels_bridge.server import current_worker


class DeskConfig(AppConfig):
    """The application, which starts a scheduler in the process that it is loaded by."""

    name = "desk"

    def ready(self):
        """Start a scheduler that nobody stops, and that no exit should wait for."""
        if "SCHEDULE" in os.environ:
            threading.Thread(target=schedule, name="scheduler").start()


def schedule():
    """Leave a sign of life again and again: which process, and which worker it is."""
    path = Path(os.environ["SCHEDULE"])
    while True:
        with path.open("a") as file:
            file.write(f"{os.getpid()} {current_worker()}\n")
        threading.Event().wait(0.1)
