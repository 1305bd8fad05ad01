"""Edits of literals, however these are written: the syntax tree is what it should be afterwards."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.migrate.model.edit import Edit, apply
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.python.literals import (
    insert_first,
    remove_element,
    remove_item,
    replace_string,
)

#: What may stand between the parts of a literal.
SPACE = st.sampled_from(["", " ", "\n", "\n    ", "  # daphne, \"]'\n    ", "\n\n  # é\n  ", "\t"])
WORDS = st.lists(
    st.sampled_from(["a", "django.contrib.auth", "é.ü", "x y"]), min_size=1, max_size=4, unique=True
)
QUOTES = st.sampled_from(["'", '"'])


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A list or tuple of strings, as it is written, and the strings."""
    words, (opening, closing) = draw(WORDS), draw(st.sampled_from(["[]", "()"]))
    parts = [f"{draw(SPACE)}{quote}{word}{quote}" for word in words for quote in [draw(QUOTES)]]
    text = f"{draw(SPACE)},".join(parts)
    comma = "," if opening == "(" and len(words) == 1 else draw(st.sampled_from(["", ","]))
    return f"X = {opening}{text}{comma}{draw(SPACE)}{closing}\n", words


def parse(text: str) -> tuple[PythonFile, ast.expr]:
    """Return a file, and the value of the assignment in it."""
    module = PythonFile.parse(SourceFile.decode("a.py", text.encode()))
    [statement] = module.tree.body
    assert isinstance(statement, ast.Assign)
    return module, statement.value


def edited(text: str, *edits: Edit) -> object:
    """Return what the assignment's value is once the edits are made."""
    return ast.literal_eval(parse(apply(text, edits))[1])


@given(lists())
def test_insert_first(sample: tuple[str, list[str]]) -> None:
    """The new element comes first, and the others stay."""
    text, words = sample
    module, literal = parse(text)
    assert isinstance(literal, ast.List | ast.Tuple)
    edit = insert_first(module, literal, "new")
    assert edit is not None
    assert edited(text, edit) == type(ast.literal_eval(literal))(["new", *words])


@given(lists(), st.integers(0, 3), st.booleans())
def test_remove_element(sample: tuple[str, list[str]], place: int, insert: bool) -> None:
    """One element goes, with or without another that comes first; or there is no edit."""
    text, words = sample
    module, literal = parse(text)
    assert isinstance(literal, ast.List | ast.Tuple)
    place %= len(words)
    removal = remove_element(module, literal, literal.elts[place])
    if removal is not None:
        first = insert_first(module, literal, "new") if insert else None
        left = [*(["new"] if first else []), *words[:place], *words[place + 1 :]]
        edits = [edit for edit in (first, removal) if edit is not None]
        assert edited(text, *edits) == type(ast.literal_eval(literal))(left)


@given(WORDS, st.lists(SPACE, min_size=9, max_size=9), st.booleans(), st.integers(0, 3))
def test_remove_item(words: list[str], spaces: list[str], comma: bool, place: int) -> None:
    """A key goes with its value; or there is no edit."""
    parts = [f'{spaces[i]}"{word}":{spaces[i + 4]}{{1: 2}}' for i, word in enumerate(words)]
    text = f"X = {{{','.join(parts)}{',' * comma}{spaces[8]}}}\n"
    module, literal = parse(text)
    assert isinstance(literal, ast.Dict)
    key = literal.keys[place % len(words)]
    assert isinstance(key, ast.Constant)
    if (edit := remove_item(module, literal, key)) is not None:
        assert edited(text, edit) == {word: {1: 2} for word in words if word != key.value}


def test_strings_in_several_pieces() -> None:
    """A string that is not written in one piece is left alone."""
    for text in ['X = "a" "b"\n', 'X = ("a")\n', 'X = r"a"\n', 'X = """a"""\n', 'X = "\\x61"\n']:
        module, value = parse(text)
        edit = replace_string(module, value, "new")
        assert edit is None or edited(text, edit) == "new"
