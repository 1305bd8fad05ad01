"""Options as a command gives them: their names, and their values as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import (
    CannotSplit,
    Token,
    split_script,
    split_words,
)
from channels_bridge.project.foreign.foreign_command_line import find
from channels_bridge.project.foreign.option import Option


@dataclass(frozen=True)
class Value:
    """What is given to an option: as a program gets it, and as it is written.

    Attributes:
        text: without quotes; variables as they are written.
        raw: with its quotes, in parts that are new or that stand in the file; None where it can't
            be written as a word of its own.
    """

    text: str
    raw: tuple[str | PlacedText, ...] | None

    @classmethod
    def plain(cls, text: str) -> Value:
        """Make one that needs no quotes."""
        return cls(text, (text,))

    @property
    def is_plain(self) -> bool:
        """Whether it has no quotes, and nothing that has to be expanded."""
        return self.written == self.text and "$" not in self.text and "%" not in self.text

    @property
    def written(self) -> str | None:
        """It with its quotes."""
        if self.raw is None:
            return None
        return "".join(part if isinstance(part, str) else part.value for part in self.raw)


@dataclass(frozen=True)
class Given:
    """One option, as it is given.

    Attributes:
        name: as it is written.
        option: its row of the table; None for one that is in none.
        value: what is given to it.
    """

    name: str
    option: Option | None
    value: Value | None = None


def read_arguments(server: str, words: Sequence[Token]) -> tuple[tuple[Given, ...], list[str]]:
    """Return the options in some words, and all else."""
    given, others = [], []
    rest = iter(words)
    for word in rest:
        text = word.text.value
        if not text.startswith("-") or text in ("-", "--"):
            others.append(text)
            continue
        name, start = _name(text)
        option = find(name, server)
        if option is None:
            given.append(Given(text, None))
        elif not option.value:
            known = option if start is None else None
            given.append(Given(name if known else text, known))
        elif start is not None:
            given.append(Given(name, option, _part(word, start)))
        elif (following := next(rest, None)) is not None:
            given.append(Given(name, option, _whole(following)))
        else:
            given.append(Given(text, None))
    return tuple(given), others


def _name(text: str) -> tuple[str, int | None]:
    """Return an option's name, and where its value begins if that is in the same word."""
    if text.startswith("--"):
        name, equals, _ = text.partition("=")
        return name, len(name) + 1 if equals else None
    return text[:2], 2 if len(text) > 2 else None


def _whole(word: Token) -> Value:
    return Value(word.text.value, (word.raw,))


def _part(word: Token, start: int) -> Value:
    """Return the end of a word, from a character on that is not within quotes."""
    text = word.text.value[start:]
    if word.raw.value == word.text.value:
        return Value(text, (word.raw[start:],))
    if not text:
        return Value(text, None)
    begin = word.text.starts[start]
    offset = next((i for i, place in enumerate(word.raw.starts) if place >= begin), None)
    if offset is None:
        return Value(text, None)
    for cut in (offset - 1, offset):  # behind a quote, or not
        raw = word.raw[cut:]
        if word.raw.value[:cut] == word.text.value[:start] and _says(raw, text):
            return Value(text, (raw,))
    return Value(text, None)


def _says(raw: PlacedText, text: str) -> bool:
    """Whether it is a word of its own, with that text."""
    for split in (split_script, split_words):
        try:
            tokens = split(raw)
        except CannotSplit:
            continue
        if [token.text.value for token in tokens] == [text]:
            return True
    return False
