"""A command line in a file: where it stands, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import CannotSplit, Token
from channels_bridge.migrate.commands.simple_commands import SimpleCommand, in_line, in_script


class Reads(Enum):
    """Who splits a command line into words."""

    SHELL = "a shell"
    PROGRAM = "a program, in the manner of a shell, without operators"
    LIST = "nobody, as it is a list of words"


@dataclass(frozen=True)
class Place:
    """A command line in a file.

    Attributes:
        kind: what it stands in, such as ``Dockerfile``.
        reads: who splits it.
        text: the command line; of a list, the words joined.
        items: the words of a list; each one's ``raw`` covers all that it is written by.
        owner: which program of the file it is, such as a service's name; empty where there is one.
        quote: writes a word of a list.
        advice: why it is never rewritten, as a clause; empty where it may be.
        at_root: whether the command is run by the machine, outside of virtual environments.
    """

    kind: str
    reads: Reads
    text: PlacedText
    items: tuple[Token, ...] = ()
    owner: str = ""
    quote: Callable[[str], str] = str
    advice: str = ""

    def commands(self) -> Iterator[SimpleCommand]:
        """Yield its commands.

        Raises:
            CannotSplit: a quote is never closed.
        """
        if self.reads is Reads.LIST:
            yield SimpleCommand(self.text, self.items)
        else:
            yield from (in_script if self.reads is Reads.SHELL else in_line)(self.text)

    def fingerprint(self) -> object:
        """Return all its words, to compare what an edit has changed."""
        try:
            return [[word.text.value for word in command.words] for command in self.commands()]
        except CannotSplit:
            return self.text.value


def list_place(kind: str, items: tuple[Token, ...], quote: Callable[[str], str]) -> Place:
    """Make the place of a list of words."""
    text = PlacedText.join(piece for item in items for piece in item.text.pieces())
    return Place(kind, Reads.LIST, text, items, quote=quote)
