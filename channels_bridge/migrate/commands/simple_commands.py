"""The single commands of a script or a line (simple commands), and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import Token, split_script, split_words

_REDIRECTION = re.compile(r"\d*[<>].*|&>>?", re.ASCII)

#: Words of the shell's grammar that a command may stand behind.
_RESERVED = frozenset("if then else elif do while until ! { time".split())
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=.*", re.ASCII | re.DOTALL)

_SHELLS = frozenset("sh bash dash ash zsh".split())
#: Options of shells that have their value in the next word, such as ``-o pipefail``.
_WITH_VALUE = ("o", "O")


@dataclass(frozen=True)
class SimpleCommand:
    """A program's name and arguments, as they are written.

    Attributes:
        text: what they are a part of.
        words: without assignments and reserved words before them, and without redirections.
        assigned: the variables that are set for it alone, such as ``A=b``.
        before: the operator that it stands behind; empty at the beginning.
        behind: the operator that ends it; empty at the end.
        redirected_within: whether a redirection stands between two of the words.
    """

    text: PlacedText
    words: tuple[Token, ...]
    assigned: tuple[str, ...] = ()
    before: str = ""
    behind: str = ""
    redirected_within: bool = False


def in_script(text: PlacedText) -> Iterator[SimpleCommand]:
    """Yield the commands of what a shell reads.

    Raises:
        CannotSplit: it is not complete.
    """
    before = ""
    words: list[Token] = []
    for token in split_script(text):
        if token.is_word or _is_redirection(token):
            words.append(token)
        elif token.body is None:
            yield from _command(text, words, before, token.text.value)
            words, before = [], token.text.value
    yield from _command(text, words, before, "")


def in_line(text: PlacedText) -> Iterator[SimpleCommand]:
    """Yield the one command of a line that is split into words, but that no shell reads.

    Raises:
        CannotSplit: it is not complete.
    """
    if words := split_words(text):
        yield SimpleCommand(text, tuple(words))


def script_within(words: Sequence[Token]) -> Token | None:
    """Return the script that a command gives to a shell, as ``sh -c`` does; None without one."""
    for index, word in enumerate(words):
        if word.text.value.rpartition("/")[2] in _SHELLS:
            return _script(words[index + 1 :])
    return None


def _script(words: Sequence[Token]) -> Token | None:
    """Return the script among a shell's arguments; None if it reads a file, or its input."""
    is_given = False
    rest = iter(words)
    for word in rest:
        text = word.text.value
        if not text.startswith(("-", "+")):
            return word if is_given else None
        if not text.startswith("--"):
            is_given = is_given or (text.startswith("-") and "c" in text)
            if text.endswith(_WITH_VALUE):
                next(rest, None)
    return None


def _is_redirection(token: Token) -> bool:
    return token.body is None and _REDIRECTION.fullmatch(token.raw.value) is not None


def _command(
    text: PlacedText, tokens: Sequence[Token], before: str, behind: str
) -> Iterator[SimpleCommand]:
    words, redirected, within = [], False, False
    for index, token in enumerate(tokens):
        if not token.is_word:
            redirected = True
        elif not (index and not tokens[index - 1].is_word):  # else it is where to
            within |= redirected
            words.append(token)
    first = _first_word(words)
    if words[first:]:
        assigned = tuple(t.text.value for t in words[:first] if t.text.value not in _RESERVED)
        yield SimpleCommand(text, tuple(words[first:]), assigned, before, behind, within)


def _first_word(words: Sequence[Token]) -> int:
    """Return the index of the program's name."""
    for index, word in enumerate(words):
        if word.raw.value not in _RESERVED and not _ASSIGNMENT.fullmatch(word.raw.value):
            return index
    return len(words)
