"""Prose in the code: comments, docstrings, first lines of modules, and terms of art."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from compat_tests.measures.source import FUNCTIONS, Function, Source, docstring, length
from compat_tests.measures.table import Row, share

#: Terms that a reader who knows the field would search for, as patterns.
TERMS = {
    "backpressure": r"back-?pressure",
    "flow control": r"flow[ _-]control",
    "rate limit": r"rate[ _-]limit",
    "throttle": r"throttl",
    "fragment": r"fragment",
    "reassembly": r"reassembl",
    "deduplication": r"dedup",
    "idempotent": r"idempoten",
    "graceful": r"graceful",
    "health check": r"health[ _-]check",
    "loop lag": r"loop[ _-]lag",
    "load balancing": r"load[ _-]balanc",
    "failover": r"fail-?over",
}
RELATIVE_CLAUSE = re.compile(r"(What|How|Where|Who|Which|Whether)\b")
#: A name of more lines is too long to go without a docstring.
SELF_EVIDENT = 5


def measure_prose(sources: list[Source]) -> Iterator[Row]:
    """Rows on comments, docstrings, first lines and terms."""
    lines = sum(len(source.lines) for source in sources)
    comments = sum(len(source.comments) for source in sources)
    code = sum(map(code_lines, sources))
    docs = sum(length(docstring(node)) for source in sources for node in source.documented)
    density = share(comments, lines), share(comments, code)
    yield Row("comments per 100 lines / code lines", density, "more")
    yield Row("docstring lines per 100", (share(docs, lines),), "more")
    yield from _undocumented(sources)
    yield _first_lines(sources)
    yield from _terms(sources)


def code_lines(source: Source) -> int:
    """Count the lines that are not blank, not a comment alone, and not of a docstring."""
    docs = {line for node in source.documented for line in _lines_of(docstring(node))}
    code = (line for number, line in enumerate(source.lines, 1) if number not in docs)
    return sum(not line.lstrip().startswith("#") for line in code if line.strip())


def public_names(node: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | Function]:
    """Classes, functions and methods without an underscore; none of those inside of functions."""
    for child in node.body:
        if isinstance(child, (ast.ClassDef, *FUNCTIONS)) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public_names(child)


def _lines_of(constant: ast.Constant | None) -> range:
    start = constant.lineno if constant else 0
    return range(start, start + length(constant))


def _undocumented(sources: list[Source]) -> Iterator[Row]:
    names = [(source, name) for source in sources for name in public_names(source.tree)]
    bare = _places(names)
    yield Row("public names without docstring, %", (share(len(bare), len(names)),), "less", bare)
    long = _places([pair for pair in names if length(pair[1]) > SELF_EVIDENT])
    yield Row(f"... of more than {SELF_EVIDENT} lines", (len(long),), "less", long)
    tests = _places([pair for pair in names if _is_test(*pair)])
    yield Row("tests without docstring", (len(tests),), "less", tests)


def _is_test(source: Source, name: ast.ClassDef | Function) -> bool:
    return name.name.startswith("test_") and not source.is_project


def _places(names: list[tuple[Source, ast.ClassDef | Function]]) -> tuple[str, ...]:
    """Where those are that have no docstring."""
    return tuple(source.place(name) for source, name in names if docstring(name) is None)


def _first_lines(sources: list[Source]) -> Row:
    places = tuple(
        f"{source.path}: {first}"
        for source in sources
        if RELATIVE_CLAUSE.match(first := (ast.get_docstring(source.tree) or "").partition("\n")[0])
    )
    return Row("first lines: What, How, Where, Who, ...", (len(places),), "less", places)


def _terms(sources: list[Source]) -> Iterator[Row]:
    """How often each term occurs in names, prose and texts; more of them is no aim."""
    # The table above and its tests name all of them.
    texts = [source.text for source in sources if not source.module.startswith(__package__)]
    counts = {
        term: sum(len(re.findall(pattern, text, re.IGNORECASE)) for text in texts)
        for term, pattern in TERMS.items()
    }
    yield Row(f"terms of art found, of {len(TERMS)}", (sum(map(bool, counts.values())),), "more")
    yield from (Row(f"  {term}", (count,)) for term, count in counts.items())
