"""Command lines of ini files: units of systemd, programs of supervisor, daemons of uWSGI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.lines import continued_lines, placed_lines
from channels_bridge.migrate.places.place import Place, Reads

UNIT = "systemd unit"
PROGRAM = "supervisor program"
UWSGI = "uWSGI daemon"

_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_ENTRY = re.compile(r"\s*([A-Za-z][\w-]*)\s*[=:]\s*")
_COMMENT = ("#", ";")
_START = re.compile(r"ExecStart", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One value of an ini file.

    Attributes:
        section: that it is in.
        name: its key.
        value: what it is set to; what continues it belongs to it.
        start: where its line begins.
    """

    section: str
    name: str
    value: PlacedText
    start: int


def entries(file: SourceFile, *, indented: bool = False) -> Iterator[Entry]:
    """Yield all values.

    Args:
        file: an ini file.
        indented: whether a value is continued by lines that are indented, as supervisor has it;
            else by a backslash.
    """
    section = ""
    for line in _joined(file) if indented else continued_lines(file):
        if line.value.lstrip().startswith(_COMMENT) or not line.value.strip():
            continue
        if match := _SECTION.match(line.value):
            section = match[1]
        elif match := _ENTRY.match(line.value):
            yield Entry(section, match[1], line[match.end() :], line.start)


def _joined(file: SourceFile) -> Iterator[PlacedText]:
    current: PlacedText | None = None
    for line in placed_lines(file):
        if current is not None and line.value.strip() and line.value[0] in " \t":
            if not line.value.lstrip().startswith(_COMMENT):
                current += PlacedText("\n", (line.start,), (line.start,)) + line
            continue
        if current is not None:
            yield current
        current = line
    if current is not None:
        yield current


def in_unit(file: SourceFile) -> Iterator[Place]:
    """Yield what a unit of systemd starts."""
    for entry in entries(file):
        if entry.section == "Service" and _START.fullmatch(entry.name):
            text = entry.value
            prefixes = len(text.value) - len(text.value.lstrip("@-:+!|"))
            advice = "it has systemd's prefix @" if "@" in text.value[:prefixes] else ""
            yield Place(UNIT, Reads.PROGRAM, text[prefixes:], advice=advice)


def in_supervisor(file: SourceFile) -> Iterator[Place]:
    """Yield the programs of supervisor, each with its section as owner, and daemons of uWSGI."""
    for entry in entries(file, indented=True):
        kind, _, name = entry.section.partition(":")
        if kind in ("program", "fcgi-program", "eventlistener") and entry.name == "command":
            yield Place(PROGRAM, Reads.PROGRAM, _without_comment(entry.value), owner=entry.section)
        elif kind == "circus" or (kind == "watcher" and entry.name == "cmd"):
            text = _without_comment(entry.value)
            yield Place("circus watcher", Reads.PROGRAM, text, owner=name, advice="it is Circus'")
        elif kind == "uwsgi" and entry.name in ("attach-daemon", "attach-daemon2"):
            yield from _daemon(entry)


def _daemon(entry: Entry) -> Iterator[Place]:
    place = Place(UWSGI, Reads.PROGRAM, entry.value, owner="uwsgi")
    if entry.name == "attach-daemon2":
        found = re.search(r"(?:^|,)cmd=([^,]*)", entry.value.value)
        if found is None:
            return
        place = replace(place, text=entry.value[found.start(1) : found.end(1)])
    yield place


def _without_comment(value: PlacedText) -> PlacedText:
    """Leave out what stands behind a blank and a semicolon."""
    found = re.search(r"\s;", value.value)
    return value[: found.start()] if found else value
