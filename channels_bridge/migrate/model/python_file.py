"""A file of Python: its syntax tree, and where nodes stand in its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from channels_bridge.migrate.model.source_file import SourceFile


@dataclass(frozen=True)
class PythonFile:
    """A file that was parsed."""

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

    def _offset(self, line: int, column: int) -> int:
        """Turn a line from 1 and a column in bytes of UTF-8, as nodes have them, into an offset."""
        ahead = self.file.line(line).encode()[:column]
        return self.file.line_starts[line - 1] + len(ahead.decode())
