"""Circles of imports: between modules, at run time and with all other imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TypeAlias

from compat_tests.measures.source import FUNCTIONS, Source
from compat_tests.measures.table import Row

#: Which modules each module imports.
Graph: TypeAlias = dict[str, set[str]]
#: Which statements are looked at below a node.
Look: TypeAlias = Callable[[ast.AST], bool]


def measure_imports(sources: list[Source]) -> Iterator[Row]:
    """Rows on circles: at run time, with imports for types alone, and with those in functions."""
    yield _circles("import circles at run time", sources, _runs_at_import)
    yield _circles("... with typing imports", sources, lambda node: not _is_lazy(node))
    yield _circles("... with lazy imports, too", sources, lambda node: True)


def graph(sources: list[Source], look: Look) -> Graph:
    """Build the graph of imports between these files, from the statements that are looked at."""
    modules = {source.module for source in sources}
    return {source.module: _imported(source, look, modules) for source in sources}


def circles(arrows: Graph) -> list[list[str]]:
    """Find the groups of modules that all lead to one another."""
    reached = {module: _reach(arrows, module) for module in arrows}
    found = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in arrows
        if module in reached[module]
    }
    return sorted(sorted(circle) for circle in found)


def _circles(name: str, sources: list[Source], look: Look) -> Row:
    found = circles(graph(sources, look))
    return Row(name, (len(found),), "less", tuple(" <-> ".join(circle) for circle in found))


def _reach(arrows: Graph, start: str) -> set[str]:
    """All modules that can be reached from one by at least one import."""
    reached: set[str] = set()
    todo = set(arrows[start])
    while todo:
        reached |= todo
        todo = {target for module in todo for target in arrows[module]} - reached
    return reached


def _imported(source: Source, look: Look, modules: set[str]) -> set[str]:
    """Collect the modules that a file imports; the package of a module is not one of them."""
    names: set[str] = set()
    for node in _statements(source.tree, look):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            members = {f"{base}.{alias.name}" for alias in node.names}
            names |= (members & modules) | ({base} if members - modules else set())
    return names & modules - {source.module}


def _base(source: Source, node: ast.ImportFrom) -> str:
    """What is written between ``from`` and ``import``, in full."""
    if not node.level:
        return node.module or ""
    package = ".".join(source.path.parts[: -node.level])
    return f"{package}.{node.module}" if node.module else package


def _statements(node: ast.AST, look: Look) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if look(child):
            yield child
            yield from _statements(child, look)


def _is_lazy(node: ast.AST) -> bool:
    return isinstance(node, FUNCTIONS)


def _runs_at_import(node: ast.AST) -> bool:
    is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    return not is_typing and not _is_lazy(node)
