"""The projects that are measured: the bench's own, or a user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .stacks import Site

PROJECT = "channels_bridge.bench.project"


def sample(directory: Path) -> Site:
    """The bench's own project, with a database in `directory` and a user who is logged in."""
    settings = f"{PROJECT}.settings"
    environment = {"BENCH_DATABASE": str(directory / "db.sqlite3")}
    key = subprocess.check_output(
        [sys.executable, "-m", f"{PROJECT}.prepare"],
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": settings},
        text=True,
    )
    return Site(
        f"{PROJECT}.asgi:application",
        settings,
        cookie=f"sessionid={key.strip()}",
        environment=environment,
    )
