"""Environment variables that a project's files set, read from their source without running it."""

from __future__ import annotations

import ast
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import NamedTuple

__all__ = ["Named", "named_by_file", "named_by_module"]


class Named(NamedTuple):
    """Values that a file sets an environment variable to.

    Attributes:
        defaults: those that it uses where the environment has none.
        forced: those that it sets whatever the environment has.
    """

    defaults: set[str]
    forced: set[str]


#: Of a file that can't be read.
NOTHING = Named(set(), set())


def named_by_file(path: Path, variable: str) -> Named:
    """Find the values in a file; none where it can't be read."""
    try:
        return _named_by(path.read_text(), variable)
    except (OSError, ValueError, SyntaxError):
        return NOTHING


def named_by_module(name: str, variable: str) -> Named:
    """Find the values in a module, without importing it or its parents; none if it isn't found."""
    try:
        spec = _find(name)
        return named_by_file(Path(spec.origin), variable) if spec and spec.origin else NOTHING
    except (ImportError, KeyError, ValueError):  # KeyError: parts of it are in several folders
        return NOTHING


def _find(name: str) -> ModuleSpec | None:
    """Find a module as ``find_spec()`` does, but without importing its parents."""
    places, parts = None, name.split(".")
    spec = None
    for length in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:length]), places)
        if spec is None:
            return None
        places = spec.submodule_search_locations
    return spec


def _named_by(source: str, variable: str) -> Named:
    named = Named(set(), set())
    for node in ast.walk(ast.parse(source)):
        match node:
            # environ.setdefault(variable, default), getenv(variable, default), and the like
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(value))]):
                if name == variable:
                    named.defaults.add(value)
            # environ[variable] = value
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))],
                value=ast.Constant(value=str(value)),
            ):
                if name == variable:
                    named.forced.add(value)
    return named
