"""Sites: the projects that are served, the benchmark's own or a user's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = "channels_bridge.bench.project"


@dataclass(frozen=True)
class Site:
    """The project that is served.

    Args:
        application: ``module:name`` of its ASGI application.
        settings: its settings module.
        cookie: the session cookie of a user who is logged in.
        pids: processes beside the server whose CPU time counts, such as a broker of its own.
        environment: variables that it needs.
    """

    application: str
    settings: str
    cookie: str = ""
    pids: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def sample(directory: Path) -> Site:
    """The benchmark's own project, with a database in ``directory`` and a user who is logged in."""
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
