"""Recognises a Channels project."""

from __future__ import annotations

from pathlib import Path

from channels_bridge.migrate.model.channels_use import names, speaks_of_channels
from channels_bridge.migrate.model.project import Project


def why_not(place: Path) -> str | None:
    """Say why there is nothing to look at; None if there is."""
    try:
        if place.is_dir():
            next(place.iterdir(), None)
            return None
    except OSError as error:
        return f"{place} cannot be read: {error.strerror}"
    if place.exists():
        return f"{place} is not a directory; give the one that has the project's manage.py"
    return f"there is no directory {place}; give the one that has the project's manage.py"


def is_django(project: Project) -> bool:
    """Whether there is a manage.py, or settings of Django."""
    if any(path.rpartition("/")[2] == "manage.py" for path in project.paths):
        return True
    return any(names(module) & {"INSTALLED_APPS", "ASGI_APPLICATION"} for module in project.python)


def uses_channels(project: Project) -> bool:
    """Whether code imports Channels, or settings speak of it."""
    return any(map(speaks_of_channels, project.python))
