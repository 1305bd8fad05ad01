"""Splits a command line into words and operators, as a POSIX shell does (lexical analysis).

Nothing is expanded: ``$PORT`` and ``$(nproc)`` are characters of their word. Each word knows where
it stands, with its quotes and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from channels_bridge.migrate.commands.placed_text import PlacedText


class Token(NamedTuple):
    """A word, or an operator.

    Attributes:
        raw: as it is written.
        text: a word without its quotes; an operator as it is written.
        is_word: which of the two it is.
        body: of a here-document's operator, the lines that follow; else None.
    """

    raw: PlacedText
    text: PlacedText
    is_word: bool
    body: PlacedText | None = None


class CannotSplit(ValueError):
    """A quote or a bracket is never closed."""


#: The longest first. Numbers before a redirection belong to it.
_OPERATOR = re.compile(
    r"\d*(?:<<<|<<-|<<|<&|<>|<|>>|>&|>\||>)|&>>|&>|&&|\|\||\|&|;;&|;;|;&|[;&|()\n]", re.ASCII
)
_BLANK = " \t"

#: What a backslash hides within double quotes; before all others it stands for itself.
_ESCAPED_IN_QUOTES = '$`"\\\n'

_CLOSING = {"(": ")", "{": "}"}


def split_script(text: PlacedText) -> list[Token]:
    """Split what a shell reads: words, operators and ends of lines, without comments.

    Raises:
        CannotSplit: it is not complete.
    """
    return list(_Splitter(text, is_shell=True))


def split_words(text: PlacedText) -> list[Token]:
    """Split what a program reads in the manner of ``shlex.split()``: there are no operators.

    Raises:
        CannotSplit: it is not complete.
    """
    return list(_Splitter(text, is_shell=False))


class _Splitter:
    """One pass over a text."""

    def __init__(self, text: PlacedText, *, is_shell: bool) -> None:
        self._text = text
        self._value = text.value
        self._is_shell = is_shell
        self._blank = _BLANK if is_shell else _BLANK + "\r\n"
        self._place = 0

    def __iter__(self) -> Iterator[Token]:
        #: Here-documents that were announced in this line.
        awaited: list[Token] = []
        for token in self._tokens():
            if awaited and awaited[-1].body is None and token.is_word:
                body = PlacedText("", (), ())
                awaited[-1] = awaited[-1]._replace(text=token.text, body=body)
            if not token.is_word and token.raw.value.lstrip("0123456789") in ("<<", "<<-"):
                awaited.append(token)
            yield token
            if not token.is_word and token.raw.value == "\n" and awaited:
                for start in awaited:
                    yield from self._here_document(start)
                awaited = []

    def _tokens(self) -> Iterator[Token]:
        while self._skip_blank():
            match = _OPERATOR.match(self._value, self._place) if self._is_shell else None
            if match is None:
                yield self._word()
                continue
            operator = self._text[self._place : match.end()]
            self._place = match.end()
            yield Token(operator, operator, is_word=False)

    def _skip_blank(self) -> bool:
        """Go to where a token begins; False at the end."""
        while self._place < len(self._value):
            if self._value[self._place] in self._blank:
                self._place += 1
            elif self._is_shell and self._value.startswith("\\\n", self._place):
                self._place += 2
            elif self._is_shell and self._value[self._place] == "#":
                end = self._value.find("\n", self._place)
                self._place = len(self._value) if end < 0 else end
            else:
                return True
        return False

    def _here_document(self, start: Token) -> Iterator[Token]:
        """Pass over the lines up to the one that ends a here-document, and yield them at once."""
        begin, delimiter = self._place, start.text.value
        while self._place < len(self._value):
            end = self._value.find("\n", self._place)
            end = len(self._value) if end < 0 else end
            line = self._value[self._place : end]
            last = self._place
            self._place = min(end + 1, len(self._value))
            if (line.lstrip("\t") if start.raw.value.endswith("-") else line) == delimiter:
                body = self._text[begin:last]
                yield Token(start.raw, start.raw, is_word=False, body=body)
                return
        raise CannotSplit(f"the here-document is not ended by {delimiter}")

    def _word(self) -> Token:
        begin = self._place
        pieces: list[PlacedText] = []
        while self._place < len(self._value) and not self._ends_word():
            pieces += self._part()
        return Token(
            self._text[begin : self._place],
            PlacedText.join(piece for part in pieces for piece in part.pieces()),
            is_word=True,
        )

    def _ends_word(self) -> bool:
        character = self._value[self._place]
        return character in self._blank or (self._is_shell and character in ";&|()<>\n")

    def _part(self) -> Iterator[PlacedText]:
        """Read one character of a word, or all between two quotes or brackets."""
        character, begin = self._value[self._place], self._place
        if character == "\\":
            yield from self._escape()
        elif character == "'":
            self._place = self._find("'", begin + 1) + 1
            yield self._text[begin + 1 : self._place - 1]
        elif character == '"':
            self._place += 1
            while self._at() != '"':
                yield from self._quoted_part()
            self._place += 1
        else:
            yield self._expansion_or_character()

    def _quoted_part(self) -> Iterator[PlacedText]:
        """Read one character between double quotes, or an expansion."""
        escaped = _ESCAPED_IN_QUOTES if self._is_shell else '"\\'
        following = self._value[self._place + 1 : self._place + 2]
        if self._at() == "\\" and following and following in escaped:
            yield from self._escape()
        else:
            yield self._expansion_or_character()

    def _escape(self) -> Iterator[PlacedText]:
        """Read a backslash and the character that it hides; a continued line is nothing."""
        begin = self._place
        self._place += 2
        if self._place > len(self._value):
            raise CannotSplit("a backslash is the last character")
        hidden = self._text[begin + 1 : begin + 2]
        if not (self._is_shell and hidden.value == "\n"):
            yield PlacedText(hidden.value, (self._text.starts[begin],), hidden.ends)

    def _expansion_or_character(self) -> PlacedText:
        begin = self._place
        if self._is_shell:
            if self._value[begin] == "`":
                self._pass_backticks()
            elif self._value[begin] == "$" and self._value[begin + 1 : begin + 2] in ("(", "{"):
                self._place += 1
                self._pass_brackets()
        if self._place == begin:
            self._place += 1
        return self._text[begin : self._place]

    def _pass_backticks(self) -> None:
        self._place += 1
        while self._at() != "`":
            self._place += 2 if self._at() == "\\" else 1
        self._place += 1

    def _pass_brackets(self) -> None:
        """Go behind the bracket that closes the one here, over quotes and brackets within."""
        opening = self._at()
        self._place += 1
        while self._at() != _CLOSING[opening]:
            if self._at() == opening:
                self._pass_brackets()
            else:
                for _ in self._part():
                    pass
        self._place += 1

    def _at(self) -> str:
        if self._place >= len(self._value):
            raise CannotSplit("a quote or a bracket is not closed")
        return self._value[self._place]

    def _find(self, character: str, start: int) -> int:
        place = self._value.find(character, start)
        if place < 0:
            raise CannotSplit("a quote is not closed")
        return place
