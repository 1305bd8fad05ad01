"""An edit: a part of a file, and the text that is to stand in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Edit:
    """A change of one file.

    Attributes:
        path: of the file, as in ``SourceFile.path``.
        start: the first character of ``SourceFile.text`` that is replaced.
        end: the one behind the last; equal to ``start`` where text is inserted.
        text: what takes their place, with ``\\n`` for the end of a line, whatever the file has.
    """

    path: str
    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Make all edits of one file; of those that are alike, one.

    Raises:
        ValueError: two of them want the same characters.
    """
    parts, place = [], 0
    for edit in sorted(set(edits)):
        if edit.start < place:
            raise ValueError(f"two edits of {edit.path} meet at character {edit.start}")
        parts += [text[place : edit.start], edit.text]
        place = edit.end
    return "".join([*parts, text[place:]])
