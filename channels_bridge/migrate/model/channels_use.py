"""Finds out whether a file of Python speaks of Channels."""

from __future__ import annotations

import ast

from channels_bridge.migrate.model.python_file import PythonFile

#: Names that only projects with Channels, or with this package, have.
_SETTINGS = {"CHANNEL_LAYERS", "WEBSOCKET_ROUTE_MODULE"}
_PACKAGES = {"channels", "channels_bridge"}


def speaks_of_channels(module: PythonFile) -> bool:
    """Whether a file imports Channels, or has one of its settings."""
    return _imports_channels(module) or bool(names(module) & _SETTINGS)


def names(module: PythonFile) -> set[str]:
    """Return the names of variables in a file."""
    return {node.id for node in module.nodes if isinstance(node, ast.Name)}


def _imports_channels(module: PythonFile) -> bool:
    imported = (name for node in module.nodes for name in module.imported(node))
    return any(name.partition(".")[0] in _PACKAGES for name in imported)
