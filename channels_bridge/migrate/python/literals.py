"""Changes of list, tuple and dict literals that leave the rest of their text as it is."""

from __future__ import annotations

import ast
import re
from typing import TypeAlias

from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.python_file import PythonFile

Sequence: TypeAlias = ast.List | ast.Tuple

_STRING = re.compile(r"""(?P<quote>["'])(?P<text>[^"'\\\\\r\n]*)(?P=quote)""")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(\r\n|\r|\n)")
#: A comma, also behind comments, in which there may be others.
_COMMA = re.compile(r"(\s|#[^\r\n]*[\r\n])*,")
_BLANK = re.compile(r"[ \t]*")


def replace_string(module: PythonFile, node: ast.expr, text: str) -> Edit | None:
    """Put other text between the quotes of a string; None unless it is written in one piece."""
    match = _STRING.fullmatch(module.source(node))
    if match is None:
        return None
    start = module.start(node)
    return Edit(module.path, start + match.start("text"), start + match.end("text"), text)


def insert_first(module: PythonFile, literal: Sequence, text: str) -> Edit | None:
    """Insert a string as the first element; None where the literal has no brackets."""
    source, start = module.file.text, module.start(literal)
    if source[start] not in "([":
        return None
    quote = _quote(module, literal)
    item = f"{quote}{text}{quote}"
    if not literal.elts:
        comma = "," if isinstance(literal, ast.Tuple) else ""
        return Edit(module.path, start + 1, start + 1, item + comma)
    first = module.start(literal.elts[0])
    rest = _REST_OF_LINE.match(source, start + 1)
    if rest is None:
        return Edit(module.path, first, first, f"{item}, ")
    return Edit(module.path, rest.end(), rest.end(), f"{_indent(module, first)}{item},\n")


def remove_element(module: PythonFile, literal: Sequence, element: ast.expr) -> Edit | None:
    """Remove an element with its comma, and its line if it is alone there.

    None where a tuple of one would be left, which is one by its comma only, or the last element
    goes.
    """
    if len(literal.elts) < 2 or (isinstance(literal, ast.Tuple) and len(literal.elts) == 2):
        return None
    last = element is literal.elts[-1]
    return _remove(module, literal, module.start(element), module.end(element), last=last)


def remove_item(module: PythonFile, literal: ast.Dict, key: ast.expr) -> Edit | None:
    """Remove a key and its value from a dict, as ``remove_element`` does."""
    value = literal.values[literal.keys.index(key)]
    last = key is literal.keys[-1]
    return _remove(module, literal, module.start(key), module.end(value), last=last)


def _remove(
    module: PythonFile, literal: ast.expr, start: int, end: int, *, last: bool
) -> Edit | None:
    """Remove what stands between commas or brackets; None where parentheses are around it."""
    source = module.file.text
    comma = _COMMA.match(source, end)
    if comma is None and not last:
        return None
    end = comma.end() if comma else end
    line_start = module.file.line_starts[module.file.position(start)[0] - 1]
    rest = _REST_OF_LINE.match(source, end)
    if rest and not source[line_start:start].strip():
        return Edit(module.path, line_start, rest.end(), "")
    before = source[:start].rstrip(" \t")
    if before.endswith(","):
        first = len(before) - (comma is None)
        return Edit(module.path, first, end, "")
    if len(before) == module.start(literal) + 1:
        blank = _BLANK.match(source, end)
        assert blank is not None
        return Edit(module.path, start, blank.end(), "")
    return None


def _quote(module: PythonFile, literal: Sequence) -> str:
    """Return the quotes that the first string has."""
    for element in literal.elts:
        if isinstance(element, ast.Constant) and isinstance(element.value, str):
            return module.source(element)[0] if module.source(element)[0] in "\"'" else '"'
    return '"'


def _indent(module: PythonFile, offset: int) -> str:
    line, column = module.file.position(offset)
    ahead = module.file.line(line)[: column - 1]
    return ahead if not ahead.strip() else ""
