"""Finds a project's consumers, and the expressions that are channel layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile

#: Packages whose classes with names that end with ``Consumer`` are consumers.
_PACKAGES = ("channels", "channels_bridge", "djangochannelsrestframework", "strawberry")

#: What brings a channel layer.
_GET_LAYER = ("channels.layers.get_channel_layer", "channels_bridge.layers.get_channel_layer")


def consumer_classes(project: Project) -> Iterator[tuple[PythonFile, ast.ClassDef]]:
    """Yield the classes that derive from a consumer, through classes of the project as well."""
    classes = [
        (module, node)
        for module in project.python
        for node in module.nodes
        if isinstance(node, ast.ClassDef)
    ]
    names: set[str] = set()
    found: dict[ast.ClassDef, PythonFile] = {}
    while added := [c for c in classes if c[1] not in found and _derives(*c, names)]:
        found.update({node: module for module, node in added})
        names |= {node.name for _, node in added}
    yield from ((module, node) for node, module in found.items())


def _derives(module: PythonFile, node: ast.ClassDef, names: set[str]) -> bool:
    """Whether a class has a base that is a consumer; ``names`` are those of the project so far."""
    for base in node.bases:
        name = module.qualified(base) or ""
        package, last = name.partition(".")[0], name.rpartition(".")[2]
        if last in names or (package in _PACKAGES and last.endswith("Consumer")):
            return True
    return False


def methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the methods that a class has itself."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def is_layer(module: PythonFile, node: ast.expr) -> bool:
    """Whether an expression is certain to be a channel layer.

    That is ``self.channel_layer``, ``get_channel_layer()``, or a name that is assigned this in the
    file.
    """
    match node:
        case ast.Attribute(attr="channel_layer"):
            return True
        case ast.Call(func=function):
            return module.qualified(function) in _GET_LAYER
        case ast.Name(id=name):
            return name in _layer_names(module)
    return False


@lru_cache(maxsize=1)
def _layer_names(module: PythonFile) -> set[str]:
    """Return the names; one file is looked at after the other, so those of the last are kept."""
    return {
        target.id
        for node in module.nodes
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Name)
        if is_layer(module, node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
