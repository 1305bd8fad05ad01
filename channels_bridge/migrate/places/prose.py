"""Command lines in what people read: pages of documentation, batch files, workflows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.lines import placed_lines
from channels_bridge.migrate.places.place import Place, Reads

_CODE = re.compile(r"`+([^`]+)`+")
_PROMPT = re.compile(r"\s*(?:[-*]\s+)?(?:run:\s*)?(?:[$>#%]\s+|\(\S+\)\s*\$\s+|::\s+)?(?=\S)")

ADVICE = "it is documentation"


def in_prose(file: SourceFile) -> Iterator[Place]:
    """Yield each line, and each piece of code in one, as if a shell read it."""
    for line in placed_lines(file):
        pieces = [line[match.start(1) : match.end(1)] for match in _CODE.finditer(line.value)]
        for text in pieces or [line]:
            if (match := _PROMPT.match(text.value)) and not text.value.lstrip().startswith("# "):
                yield _place(text[match.end() :])


def _place(text: PlacedText) -> Place:
    return Place("documentation", Reads.SHELL, text, advice=ADVICE)
