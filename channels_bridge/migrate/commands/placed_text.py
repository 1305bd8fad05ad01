"""Text whose characters know where they stand in a file (a source map)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class PlacedText:
    """Characters, and the part of a file that each one is written by.

    What a character is written by may be longer than it is, such as ``\\"``; between two there
    may be more, such as the end of a continued line.

    Attributes:
        value: the characters.
        starts: for each of them, where it begins in the file.
        ends: for each of them, where it ends there.
    """

    value: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str, start: int = 0) -> PlacedText:
        """Place text that is written as it is, from a character of a file on.

        The ends of its lines become ``\\n``.
        """
        pieces = _lines_joined(text, start) if "\r" in text else _one_each(text, start)
        return cls.join(pieces)

    @classmethod
    def join(cls, pieces: Iterable[tuple[str, int, int]]) -> PlacedText:
        """Make it of single characters, each with its start and end in the file."""
        listed = list(pieces)
        return cls(
            "".join(piece[0] for piece in listed),
            tuple(piece[1] for piece in listed),
            tuple(piece[2] for piece in listed),
        )

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, part: slice) -> PlacedText:
        return PlacedText(self.value[part], self.starts[part], self.ends[part])

    def __add__(self, other: PlacedText) -> PlacedText:
        return PlacedText(
            self.value + other.value, self.starts + other.starts, self.ends + other.ends
        )

    @property
    def start(self) -> int:
        """Where the first character begins in the file; there has to be one."""
        return self.starts[0]

    @property
    def end(self) -> int:
        """Where the last character ends in the file; there has to be one."""
        return self.ends[-1]

    def pieces(self) -> Iterator[tuple[str, int, int]]:
        """Yield each character with its start and end in the file."""
        return zip(self.value, self.starts, self.ends, strict=True)


def _one_each(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    for index, character in enumerate(text, start):
        yield character, index, index + 1


def _lines_joined(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    index = 0
    while index < len(text):
        length = 2 if text.startswith("\r\n", index) else 1
        character = "\n" if text[index] == "\r" else text[index]
        yield character, start + index, start + index + length
        index += length
