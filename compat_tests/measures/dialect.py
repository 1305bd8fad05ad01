"""Dialect: the forms of which the code uses one everywhere."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path

from compat_tests.measures.source import Source, docstring, length
from compat_tests.measures.table import Row

PACKAGE = "channels_bridge"
#: The modules of Channels that this package has under the same names.
RECORD = "compat_tests/surface/surface.json"
ROLE = re.compile(r":[a-z]+(:[a-z]+)?:`")
SINGLE_BACKTICKS = re.compile(r"(?<!`)`(?!`)[^`\n]+`(?!`)")


def measure_dialect(sources: list[Source], user_modules: set[str]) -> Iterator[Row]:
    """Rows on forms, with those of ``user_modules`` allowed to have an ``__all__``."""
    ours = [source for source in sources if not source.is_project]
    inner = [source for source in ours if source.module not in user_modules]
    yield _count("relative imports", ours, _relative_imports)
    yield _count("files without `from __future__`", ours, _future_is_missing)
    yield _count("docstrings that open on the next line", ours, _late_docstrings)
    yield _count("docstrings that end with a blank line", ours, _late_ends)
    yield _count("`__all__` where users don't import", inner, _exports)
    yield _count("Sphinx roles in docstrings", ours, partial(_found, ROLE))
    yield _count("single backticks in docstrings", ours, partial(_found, SINGLE_BACKTICKS))


def find_user_modules(root: Path) -> set[str]:
    """Dotted names in documents and examples, each with its packages, and those of Channels."""
    patterns = ("*.md", "migration_guide/**/*.md", "examples/**/*.md", "examples/**/*.py")
    text = "\n".join(path.read_text() for pattern in patterns for path in root.glob(pattern))
    names = set(re.findall(rf"{PACKAGE}[.\w]*", text))
    if (record := root / RECORD).exists():
        upstream = json.loads(record.read_text())["modules"]
        names |= {PACKAGE + name.removeprefix("channels") for name in upstream}
    return {prefix for name in names for prefix in accumulate(name.split("."), "{}.{}".format)}


def _count(name: str, sources: list[Source], find: Callable[[Source], Iterator[int]]) -> Row:
    places = tuple(source.place(line) for source in sources for line in find(source))
    return Row(name, (len(places),), "less", places)


def _relative_imports(source: Source) -> Iterator[int]:
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno


def _future_is_missing(source: Source) -> Iterator[int]:
    """Give the first line of a file that has code and not this import."""
    code = source.tree.body[docstring(source.tree) is not None :]
    if code and not any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in code):
        yield 1


def _late_docstrings(source: Source) -> Iterator[int]:
    for node in source.documented:
        constant = docstring(node)
        if constant is not None and length(constant) > 1 and str(constant.value).startswith("\n"):
            yield constant.lineno


def _late_ends(source: Source) -> Iterator[int]:
    for node in source.documented:
        constant = docstring(node)
        if constant is not None and re.search(r"\n *\n *\Z", str(constant.value)):
            yield constant.lineno


def _exports(source: Source) -> Iterator[int]:
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield node.lineno


def _found(pattern: re.Pattern[str], source: Source) -> Iterator[int]:
    for node in source.documented:
        if (constant := docstring(node)) is not None:
            yield from (constant.lineno for _ in pattern.finditer(str(constant.value)))
