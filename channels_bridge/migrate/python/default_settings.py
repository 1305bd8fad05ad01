"""The settings modules that a project's programs name for themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile

VARIABLE = "DJANGO_SETTINGS_MODULE"


class DefaultSettings(NamedTuple):
    """A file that names a settings module, and where it does."""

    module: PythonFile
    node: ast.Constant
    name: str


def named_settings(project: Project, file_name: str) -> list[DefaultSettings]:
    """Return what all files of a name say: each one that is certain, the uppermost file first.

    A file that computes the name, or that names several, is left out.
    """
    modules = [module for module in project.python if module.file.name == file_name]
    modules.sort(key=lambda module: (module.path.count("/"), module.path))
    named = [list(_named(module)) for module in modules]
    return [found[0] for found in named if len({one.name for one in found}) == 1]


def settings_of(project: Project, file_name: str) -> str | None:
    """Return the settings that ``manage.py`` or ``asgi.py`` names; None if that is not certain.

    Where several files have that name, they have to agree.
    """
    names = {found.name for found in named_settings(project, file_name)}
    return names.pop() if len(names) == 1 else None


def _named(module: PythonFile) -> Iterator[DefaultSettings]:
    for node in module.nodes:
        match node:
            # environ.setdefault(variable, default), getenv(variable, default), and the like
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(value)) as where]):
                if name == VARIABLE:
                    yield DefaultSettings(module, where, value)
            # environ[variable] = value
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))],
                value=ast.Constant(value=str(value)) as where,
            ):
                if name == VARIABLE:
                    yield DefaultSettings(module, where, value)
