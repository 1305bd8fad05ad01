"""Words of a command line: those that a shell sees, and where they stand."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import CannotSplit, split_script, split_words


def words(text: str) -> list[str]:
    """The words and operators of a script."""
    return [token.text.value for token in split_script(PlacedText.of(text))]


@given(st.text(alphabet="ab \t\n'\"\\$;&#=-", max_size=30))
def test_words_are_those_of_shlex(text: str) -> None:
    """What a program reads is split as ``shlex.split()`` splits it, or refused with it."""
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(CannotSplit):
            split_words(PlacedText.of(text))
    else:
        assert [token.text.value for token in split_words(PlacedText.of(text))] == expected


@given(st.text(alphabet="ab 1;&|()\n", max_size=30))
def test_operators_are_those_of_shlex(text: str) -> None:
    """Between operators a script has the words that shlex sees there."""
    lexer = shlex.shlex(text.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    expected = [token for token in lexer if not set(token) <= set("();|&")]
    tokens = split_script(PlacedText.of(text))
    assert [token.text.value for token in tokens if token.is_word] == expected


@given(st.text(alphabet="ab '\"\\$(){}`;\n", max_size=30))
def test_places_are_those_of_the_text(text: str) -> None:
    """A word's place holds it with its quotes, and splitting that gives the same word."""
    for split in (split_script, split_words):
        try:
            tokens = split(PlacedText.of(text))
        except CannotSplit:
            continue
        for token in tokens:
            if token.is_word:
                raw = text[token.raw.start : token.raw.end]
                assert raw == token.raw.value
                assert [one.text.value for one in split(PlacedText.of(raw))] == [token.text.value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daphne -p ${PORT:-3000} x", ["daphne", "-p", "${PORT:-3000}", "x"]),
        ("a $(( 2 * $(nproc) + 1 )) b", ["a", "$(( 2 * $(nproc) + 1 ))", "b"]),
        ('a "$(b "c d")" `e f`', ["a", '$(b "c d")', "`e f`"]),
        ("a b#c # d 'e\nf", ["a", "b#c", "\n", "f"]),
        ("a \\\n  b", ["a", "b"]),
        ("cat <<EOF >x\ndon't\nEOF\nb", ["cat", "<<", "EOF", ">", "x", "\n", "<<", "b"]),
        ("a&&b|c;d&", ["a", "&&", "b", "|", "c", ";", "d", "&"]),
        ("a 2>&1 >/dev/null", ["a", "2>&", "1", ">", "/dev/null"]),
    ],
)
def test_scripts(text: str, expected: list[str]) -> None:
    """Expansions are parts of words; comments and here-documents are passed over."""
    assert words(text) == expected


@pytest.mark.parametrize("text", ["'a", '"a', "a \\", "$(a", "${a", "`a", "cat <<EOF\na"])
def test_incomplete(text: str) -> None:
    """What is not closed is refused."""
    with pytest.raises(CannotSplit):
        words(text)


def test_newlines_of_windows() -> None:
    """They are ends of lines like others, and have their two characters in the file."""
    tokens = split_script(PlacedText.of("a \\\r\n b\r\nc"))
    assert [token.text.value for token in tokens] == ["a", "b", "\n", "c"]
    assert (tokens[2].raw.start, tokens[2].raw.end, tokens[3].raw.start) == (7, 9, 9)


def test_long_scripts() -> None:
    """Ten thousand lines are split line by line, however many there are."""
    script = "echo 'a b' && c\n" * 10_000
    assert len(words(script)) == 50_000
