"""Source files of a folder, parsed."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

GENERATED = ("_pb2.py", "_pb2_grpc.py")
#: Folders with projects as their authors write them, as in the rules for ruff in pyproject.toml.
PROJECTS = {"site", "sample", "prepared", "project"}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


@dataclass(frozen=True)
class Source:
    """One file of Python; ``path`` is relative to the root that its imports start from."""

    path: Path
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def comments(self) -> list[tokenize.TokenInfo]:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [token for token in tokens if token.type == tokenize.COMMENT]

    @cached_property
    def functions(self) -> list[Function]:
        """All functions and methods, and those inside of others."""
        return [node for node in self.nodes if isinstance(node, FUNCTIONS)]

    @cached_property
    def documented(self) -> list[Documented]:
        """All that may have a docstring."""
        return [node for node in self.nodes if isinstance(node, DOCUMENTED)]

    @property
    def module(self) -> str:
        """The dotted name under which the file is imported."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_test(self) -> bool:
        """Whether pytest collects the file, rather than a test importing it."""
        return self.path.name.startswith("test_") or self.path.name == "conftest.py"

    @property
    def is_project(self) -> bool:
        """Whether the file is of a project that is served, whose style is its own."""
        return not PROJECTS.isdisjoint(self.path.parts)

    def place(self, node: Documented | int) -> str:
        """Where a node or a line is, for people to go there: path, line, and name if it has one."""
        if isinstance(node, int):
            return f"{self.path}:{node}"
        name = "" if isinstance(node, ast.Module) else f" {node.name}"
        return f"{self.path}:{getattr(node, 'lineno', 1)}{name}"


def read_sources(root: Path, folder: Path, without: str | None = None) -> list[Source]:
    """Parse the files below ``root / folder``, except those in the subfolder ``without``."""
    sources = _read_all(root, folder)
    return [s for s in sources if without is None or not s.path.is_relative_to(folder / without)]


@cache
def _read_all(root: Path, folder: Path) -> list[Source]:
    """Read and parse each folder once, though several parts of the code are in it."""
    paths = sorted(path.relative_to(root) for path in (root / folder).rglob("*.py"))
    return [
        Source(path, (root / path).read_text(encoding="utf-8"))
        for path in paths
        if not path.name.endswith(GENERATED)
    ]


def docstring(node: Documented) -> ast.Constant | None:
    """The string that is a node's docstring, with its place."""
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str()) as constant), *_]:
            return constant
    return None


def length(node: ast.stmt | ast.Constant | None) -> int:
    """How many lines a node has, without decorators; 0 if there is none."""
    return 0 if node is None else (node.end_lineno or node.lineno) - node.lineno + 1


def each_function(sources: list[Source]) -> Iterator[tuple[Source, Function]]:
    """All functions of all files, with the file of each."""
    for source in sources:
        for function in source.functions:
            yield source, function
