"""Whether a directory is a Channels project."""

from __future__ import annotations

import ast
from pathlib import Path

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile

#: Names that only projects with Channels, or with this package, have.
_SETTINGS = {"CHANNEL_LAYERS", "WEBSOCKET_ROUTE_MODULE"}
_PACKAGES = {"channels", "channels_bridge"}


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
    return any(_names(module) & {"INSTALLED_APPS", "ASGI_APPLICATION"} for module in project.python)


def uses_channels(project: Project) -> bool:
    """Whether code imports Channels, or settings speak of it."""
    return any(_imports_channels(module) or _names(module) & _SETTINGS for module in project.python)


def _names(module: PythonFile) -> set[str]:
    return {node.id for node in module.nodes if isinstance(node, ast.Name)}


def _imports_channels(module: PythonFile) -> bool:
    names = (name for node in module.nodes for name in module.imported(node))
    return any(name.partition(".")[0] in _PACKAGES for name in names)
