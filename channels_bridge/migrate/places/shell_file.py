"""Command lines of shell scripts, Procfiles and Makefiles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import CannotSplit, split_script
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.lines import placed_lines
from channels_bridge.migrate.places.place import Place, Reads

_PROCESS = re.compile(r"([A-Za-z0-9_-]+):[ \t]*(?=\S)")
_UNIT_LINE = re.compile(r"\s*(?:ExecStart|command)\s*=\s*[-@:+!]*(?=\S)")
_SHEBANG = re.compile(r"#!.*\b(?:sh|bash|dash|ash|zsh|with-contenv)\b")
_OTHER_SHEBANG = re.compile(r"#!")


def is_script(file: SourceFile) -> bool:
    """Whether a file without a telling name begins as a shell's script does."""
    return _SHEBANG.match(file.text) is not None


def in_shell_script(file: SourceFile) -> Iterator[Place]:
    """Yield the script, and lines of units that it writes; line by line if it is not complete."""
    if _OTHER_SHEBANG.match(file.text) and not is_script(file):
        return
    script = PlacedText.of(file.text)
    try:
        split_script(script)
    except CannotSplit as error:
        yield from _single_lines(
            placed_lines(file), f"the script cannot be read as a whole: {error}"
        )
        return
    yield Place("shell script", Reads.SHELL, script)
    written = (line for line in placed_lines(file) if _UNIT_LINE.match(line.value))
    yield from _single_lines(written, "it is text that the script writes elsewhere")


def _single_lines(lines: Iterator[PlacedText], advice: str) -> Iterator[Place]:
    for line in lines:
        match = _UNIT_LINE.match(line.value)
        rest = line[match.end() if match else 0 :]
        if rest.value.strip():
            yield Place("shell script", Reads.SHELL, rest, advice=advice)


def in_procfile(file: SourceFile) -> Iterator[Place]:
    """Yield each process' command, with the process as its owner."""
    for line in placed_lines(file):
        if match := _PROCESS.match(line.value):
            yield Place("Procfile", Reads.SHELL, line[match.end() :], owner=match[1])


def in_makefile(file: SourceFile) -> Iterator[Place]:
    """Yield each recipe's lines; what is continued is one."""
    recipe: PlacedText | None = None
    for line in placed_lines(file):
        if recipe is None and line.value.startswith("\t"):
            recipe = line[1 + len(line.value[1:]) - len(line.value[1:].lstrip("@-+ \t")) :]
        elif recipe is not None:
            recipe += (
                PlacedText("\n", (line_start(line, recipe),), (line_start(line, recipe),)) + line
            )
        if recipe is not None and not recipe.value.endswith("\\"):
            yield Place("Makefile", Reads.SHELL, _as_the_shell_gets_it(recipe))
            recipe = None


def line_start(line: PlacedText, before: PlacedText) -> int:
    """Return where a line begins; of an empty one, where the text before it ends."""
    return line.start if len(line) else before.end


def _as_the_shell_gets_it(recipe: PlacedText) -> PlacedText:
    """Write one ``$`` for two."""
    pieces, place = [], 0
    listed = list(recipe.pieces())
    while place < len(listed):
        character, start, end = listed[place]
        if recipe.value.startswith("$$", place):
            place += 1
            end = listed[place][2]
        pieces.append((character, start, end))
        place += 1
    return PlacedText.join(pieces)
