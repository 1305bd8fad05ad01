"""Command lines of Dockerfiles: CMD and ENTRYPOINT, in both forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import Token
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.lines import continued_lines
from channels_bridge.migrate.places.place import Place, Reads, list_place

_INSTRUCTION = re.compile(r"\s*(HEALTHCHECK\b.*?\bCMD|CMD|ENTRYPOINT|RUN)\s+(?=\S)", re.IGNORECASE)
_HERE = re.compile(r"<<-?\s*['\"]?(\w+)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_STAGE = re.compile(r"\s*FROM\s+(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)

HEALTH_CHECK = "Dockerfile health check"


def in_dockerfile(file: SourceFile) -> Iterator[Place]:
    """Yield what containers are started with, and their health checks; of each stage."""
    here = ""
    for line in continued_lines(file):
        if here:  # lines of a here-document are the instruction's, not instructions
            here = "" if line.value.strip() == here else here
        elif match := _INSTRUCTION.match(line.value):
            marks = _HERE.findall(line.value)
            here = marks[-1] if marks else ""
            if not here and match[1].upper() != "RUN":
                yield _place(match[1].upper(), line[match.end() :])


def _place(instruction: str, text: PlacedText) -> Place:
    kind = HEALTH_CHECK if instruction.startswith("HEALTH") else f"Dockerfile {instruction}"
    if text.value.startswith("[") and (items := json_array(text)) is not None:
        return list_place(kind, items, json.dumps)
    return Place(kind, Reads.SHELL, text)


def json_array(text: PlacedText) -> tuple[Token, ...] | None:
    """Return the strings of a JSON array; None if it is none."""
    try:
        values = json.loads(text.value)
    except ValueError:
        return None
    matches = list(_STRING.finditer(text.value))
    if not values or not all(isinstance(value, str) for value in values):
        return None
    tokens = [Token(text[m.start() : m.end()], json_string(text, m), is_word=True) for m in matches]
    return tuple(tokens) if [token.text.value for token in tokens] == values else None


def json_string(text: PlacedText, match: re.Match[str]) -> PlacedText:
    """Return what a string says, placed; a string with escapes is placed as a whole."""
    inner = text[match.start(1) : match.end(1)]
    if "\\" not in inner.value:
        return inner
    pieces, place = [], 0
    for part in re.finditer(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", inner.value, re.DOTALL):
        character = json.loads(f'"{part[0]}"')
        place = part.start()
        pieces.append((character, inner.starts[place], inner.ends[part.end() - 1]))
    return PlacedText.join(pieces)
