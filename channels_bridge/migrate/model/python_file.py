"""A file of Python: its syntax tree, and where nodes stand in its text."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from channels_bridge.migrate.model.source_file import SourceFile

Assignment: TypeAlias = ast.Assign | ast.AnnAssign | ast.AugAssign

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, eq=False)
class PythonFile:
    """A file that was parsed; equal to itself only."""

    file: SourceFile
    tree: ast.Module

    @classmethod
    def parse(cls, file: SourceFile) -> PythonFile:
        """Parse a file.

        Raises:
            SyntaxError: it is no Python 3.
            ValueError: it has a null character, or is nested too deeply.
        """
        try:
            # Python's warnings, as of odd escapes in strings, are not what the reader asked about.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(file, ast.parse(file.text))
        except (RecursionError, MemoryError):
            raise ValueError("it is nested too deeply") from None

    @property
    def path(self) -> str:
        """Its path below the project's root."""
        return self.file.path

    @cached_property
    def module(self) -> str:
        """Its dotted name, as if the project's root were on the import path."""
        name = self.path.removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """What each node stands in."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def assignments(self) -> dict[str, list[Assignment]]:
        """The statements that assign each name, those within functions left out."""
        found: dict[str, list[Assignment]] = {}
        for node in _outside_functions(self.tree):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node)
        return found

    @cached_property
    def imports(self) -> dict[str, str]:
        """The dotted name behind each name that an import binds, anywhere in the file."""
        return {local: name for node in self.nodes for local, name in self.bound(node)}

    def qualified(self, node: ast.AST) -> str | None:
        """Return the dotted name of a name or attribute, with imports looked up; None for others.

        ``sleep`` is ``time.sleep`` after ``from time import sleep``; ``self.x`` stays what it is.
        """
        match node:
            case ast.Name(id=name):
                return self.imports.get(name, name)
            case ast.Attribute(value=value, attr=name):
                owner = self.qualified(value)
                return None if owner is None else f"{owner}.{name}"
        return None

    def dotted(self, node: ast.AST) -> str | None:
        """Return a name or attribute as it is written, such as ``self.scope``; None for others."""
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=value, attr=name):
                owner = self.dotted(value)
                return None if owner is None else f"{owner}.{name}"
        return None

    def enclosing(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside to the module."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the first character of a node."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the character behind a node."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._offset(node.end_lineno, node.end_col_offset)

    def source(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of a node."""
        return self.file.text[self.start(node) : self.end(node)]

    def bound(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield the names that an import binds, each with the dotted name behind it."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield alias.asname or first, alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{self.origin(node)}.{alias.name}"

    def imported(self, node: ast.AST) -> list[str]:
        """Return the dotted names that an import is about; none for other nodes."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        return [name for _, name in self.bound(node)]

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the module that names are imported from, with dots in front resolved."""
        if not node.level:
            return node.module or ""
        is_package = self.path.endswith("__init__.py")
        parts = self.module.split(".")
        package = parts[: len(parts) - node.level + is_package]
        return ".".join([*package, *([node.module] if node.module else [])])

    def _offset(self, line: int, column: int) -> int:
        """Turn a line from 1 and a column in bytes of UTF-8, as nodes have them, into an offset."""
        ahead = self.file.line(line).encode()[:column]
        return self.file.line_starts[line - 1] + len(ahead.decode())


def _outside_functions(tree: ast.AST) -> Iterator[Assignment]:
    """Yield the assignments that are executed when a module is imported, in their order."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            yield node
        elif not isinstance(node, (*_FUNCTIONS, ast.expr)):
            yield from _outside_functions(node)
