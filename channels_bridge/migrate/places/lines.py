"""The lines of a file, placed."""

from __future__ import annotations

from collections.abc import Iterator

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.model.source_file import SourceFile


def placed_lines(file: SourceFile) -> Iterator[PlacedText]:
    """Yield each line, without what ends it."""
    starts = [*file.line_starts, len(file.text)]
    for start, end in zip(starts, starts[1:], strict=False):
        yield PlacedText.of(file.text[start:end].rstrip("\r\n"), start)


def continued_lines(file: SourceFile, mark: str = "\\") -> Iterator[PlacedText]:
    """Yield each line with those that continue it, without the marks and ends of lines.

    A comment, ``#`` or ``;``, between two of them is left out, as Docker and systemd do it.
    """
    lines = placed_lines(file)
    for line in lines:
        while line.value.rstrip().endswith(mark):
            line = line[: line.value.rstrip().rfind(mark)]
            following = next(lines, None)
            while following is not None and following.value.lstrip().startswith(("#", ";")):
                following = next(lines, None)
            if following is None:
                break
            line += following
        yield line
