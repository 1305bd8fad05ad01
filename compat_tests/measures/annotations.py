"""Type annotations, and where the type checker is told to look away."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from compat_tests.measures.source import Function, Source, each_function
from compat_tests.measures.table import Row, share


def measure_annotations(sources: list[Source]) -> Iterator[Row]:
    """Rows on annotations and on ``type: ignore``."""
    tests = [source for source in sources if source.is_test]
    others = [source for source in sources if not source.is_test]
    yield _annotated("annotated returns / arguments, %", sources)
    yield _annotated("... without tests and conftest.py, %", others, list_places=True)
    yield _annotated("... in tests and conftest.py, %", tests)
    yield _ignores(sources)


def arguments(function: Function) -> list[ast.arg]:
    """All arguments but ``self`` and ``cls``."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [arg for arg in every if arg is not None and arg.arg not in ("self", "cls")]


def _annotated(name: str, sources: list[Source], list_places: bool = False) -> Row:
    functions = list(each_function(sources))
    every = [arg for _, function in functions for arg in arguments(function)]
    returns = share(sum(f.returns is not None for _, f in functions), len(functions))
    annotated = share(sum(arg.annotation is not None for arg in every), len(every))
    places = [source.place(f) for source, f in functions if list_places and not _is_whole(f)]
    return Row(name, (returns, annotated), "more", tuple(places))


def _is_whole(function: Function) -> bool:
    return function.returns is not None and all(arg.annotation for arg in arguments(function))


def _ignores(sources: list[Source]) -> Row:
    places = [
        source.place(comment.start[0])
        for source in sources
        for comment in source.comments
        if comment.string.startswith("# type: ignore")
    ]
    return Row("type: ignore", (len(places),), "less", tuple(places))
