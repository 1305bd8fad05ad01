"""Sizes: lengths of files and functions, and nesting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from compat_tests.measures.source import (
    FUNCTIONS,
    Function,
    Source,
    docstring,
    each_function,
    length,
)
from compat_tests.measures.table import Row, spread

#: Statements whose bodies are one level deeper. ``elif`` is an ``if`` in the ``else`` of another.
NESTING = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match),
    # Since Python 3.11.
    *([ast.TryStar] if hasattr(ast, "TryStar") else []),
)
SCOPES = (ast.ClassDef, *FUNCTIONS)
DEEP = 4
LONGEST = 10


def measure_sizes(sources: list[Source]) -> Iterator[Row]:
    """Rows on files, functions and nesting."""
    lengths = [len(source.lines) for source in sources]
    yield Row("files / lines", (len(sources), sum(lengths)))
    yield Row("lines of a file: median / p90 / max", spread(lengths), "less")
    yield _function_lengths("function: median / p90 / max", sources, docstrings=True)
    yield _function_lengths("function without docstring", sources, docstrings=False)
    yield _nesting(sources)


@cache
def nesting(source: Source) -> dict[Function, int]:
    """Find how deep the deepest statement of each function is below the outermost one's body."""
    deepest: dict[Function, int] = {}
    for function, level in _levels(source.tree, None, 0):
        deepest[function] = max(level, deepest.get(function, 0))
    return deepest


def _levels(node: ast.AST, function: Function | None, level: int) -> Iterator[tuple[Function, int]]:
    """Walk down from a node; functions and classes are levels, too, when inside of functions."""
    for child in ast.iter_child_nodes(node):
        is_deeper = isinstance(child, NESTING if function is None else (*NESTING, *SCOPES))
        below = level + (is_deeper and not _is_elif(node, child))
        owner = child if isinstance(child, FUNCTIONS) else function
        if owner is not None:
            yield owner, below
        yield from _levels(child, owner, below)


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]


def _function_lengths(name: str, sources: list[Source], docstrings: bool) -> Row:
    def lines(function: Function) -> int:
        return length(function) - (0 if docstrings else length(docstring(function)))

    found = [(lines(node), source.place(node)) for source, node in each_function(sources)]
    return Row(name, spread([size for size, _ in found]), "less", _largest(found, LONGEST))


def _nesting(sources: list[Source]) -> Row:
    found = [
        (level, source.place(function))
        for source in sources
        for function, level in nesting(source).items()
    ]
    levels = [level for level, _ in found]
    deep = sum(level >= DEEP for level in levels)
    name = f"nesting: max / functions at {DEEP} or more"
    return Row(name, (max(levels, default=0), deep), "less", _largest(found, deep))


def _largest(found: list[tuple[int, str]], count: int) -> tuple[str, ...]:
    ordered = sorted(found, key=lambda pair: -pair[0])
    return tuple(f"{size} {place}" for size, place in ordered[:count])
