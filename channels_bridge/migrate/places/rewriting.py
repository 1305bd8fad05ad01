"""A start command, written anew in the quoting of its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels_bridge.migrate.commands.given_options import Value
from channels_bridge.migrate.commands.translation import Argument
from channels_bridge.migrate.model.edit import Edit, apply
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.kinds import places_in, reader_of
from channels_bridge.migrate.places.place import Place, Reads
from channels_bridge.migrate.places.starts import Line, Start, lines_in
from channels_bridge.migrate.places.yaml_file import CannotRead, in_yaml, scalars

COMMAND = "websockets_server"

#: What may stand between two words.
_GAP = re.compile(r"(?:\s|\\(?=\r?\n))*")
_LIST_GAP = re.compile(r"\s*,(?:\s|\\(?=\r?\n))*|\s*\n\s*-\s+")


def proposed(start: Start, arguments: list[Argument], python: str) -> str:
    """Return our command as text for a shell."""
    head = [] if start.invocation.by_module else [_interpreter(start, python)]
    words = [*head, "manage.py", COMMAND]
    is_list = start.place.reads is Reads.LIST
    for argument in arguments:
        words.append(argument.name)
        if argument.value is not None:
            written = None if is_list else argument.value.written
            words.append(written or argument.value.text)
    return " ".join(words)


def _interpreter(start: Start, python: str) -> str:
    folder, slash, _ = start.invocation.program.text.value.rpartition("/")
    return f"{folder}{slash}python" if slash else python


def rewritten(start: Start, arguments: list[Argument], python: str) -> Edit | None:
    """Return the edit; None if the place is one that it can't be written in for certain."""
    if start.place.reads is Reads.LIST:
        text = _as_list(start, arguments, python)
    else:
        text = _as_line(start, arguments, python)
    if text is None:
        return None
    edit = Edit(start.file.path, *start.span, text.replace("\r\n", "\n"))
    return edit if _says_the_same(start, edit, _words(start, arguments, python)) else None


def _as_line(start: Start, arguments: list[Argument], python: str) -> str | None:
    gaps = list(_gaps(start))
    if start.line.command.redirected_within or not all(map(_GAP.fullmatch, gaps)):
        return None
    gap = next((gap for gap in gaps if "\n" in gap), " ")
    groups = [_head(start, python)]
    for argument in arguments:
        value = "" if argument.value is None else _written(start.file, argument.value)
        if value is None:
            return None
        groups.append(f"{argument.name} {value}".rstrip())
    return gap.join(groups)


def _head(start: Start, python: str) -> str:
    """Return what takes the place of the server's name."""
    if start.invocation.by_module:
        return f"manage.py {COMMAND}"
    program = start.invocation.program
    name = program.text.value.rpartition("/")[2]
    if program.text.value == name and len(program.raw) == len(name):
        return f"{python} manage.py {COMMAND}"
    text = start.file.text
    before = text[program.raw.start : program.text.starts[-len(name)]]
    return f"{before}python{text[program.text.end : program.raw.end]} manage.py {COMMAND}"


def _written(file: SourceFile, value: Value) -> str | None:
    """Return a value with its quotes, as the file has them."""
    if value.raw is None:
        return None
    parts = value.raw
    return "".join(p if isinstance(p, str) else file.text[p.start : p.end] for p in parts)


def _gaps(start: Start) -> Iterator[str]:
    """Yield what stands between the words."""
    words = start.invocation.words[start.invocation.first :]
    for word, following in zip(words, words[1:], strict=False):
        yield start.file.text[word.raw.end : following.raw.start]


def _as_list(start: Start, arguments: list[Argument], python: str) -> str | None:
    gaps = list(_gaps(start))
    if not gaps or not all(map(_LIST_GAP.fullmatch, gaps)):
        return None
    words = _words(start, arguments, python)[start.invocation.first :]
    return min(gaps, key=len).join(map(start.place.quote, words))


def _words(start: Start, arguments: list[Argument], python: str) -> list[str]:
    """Return all words of the new command, launchers included."""
    found = start.invocation
    words = [word.text.value for word in found.words[: found.first]]
    if not found.by_module:
        words.append(_interpreter(start, python))
    words += ["manage.py", COMMAND]
    for argument in arguments:
        words += [argument.name, *([argument.value.text] if argument.value else [])]
    return words


def _says_the_same(start: Start, edit: Edit, words: list[str]) -> bool:
    """Whether the file has the new command where it had the old one, and all else as before."""
    text = apply(start.file.text, [edit])
    changed = SourceFile(start.file.path, start.file.data, text, start.file.encoding)
    try:
        before, after = places_in(start.file), places_in(changed)
    except CannotRead:
        return False
    old, new = _all_words(start.file, before), _all_words(changed, after)
    replaced = [word.text.value for word in start.invocation.words]
    places = [i for i, line in enumerate(old) if line.offset == start.line.offset]
    if len(old) != len(new) or not places:
        return False
    index = places[-1]
    told = [_texts(line) for line in old]
    return (
        told[index] == replaced
        and _texts(new[index]) == words
        and _others(old, index) == _others(new, index)
        and _rest(start.file, edit.start, edit.end)
        == _rest(changed, edit.start, edit.start + len(edit.text))
    )


def _rest(file: SourceFile, start: int, end: int) -> list[str]:
    """Return all scalars of a YAML file that no character of a part of it is in."""
    if reader_of(file) is not in_yaml:
        return []
    return [text for first, last, text in scalars(file) if last <= start or first >= end]


def _all_words(file: SourceFile, places: list[Place]) -> list[Line]:
    return [line for place in places for line in lines_in(file, place)]


def _texts(line: Line) -> list[str]:
    return [word.text.value for word in line.command.words]


def _others(lines: list[Line], index: int) -> list[list[str]]:
    """Return the words of all other commands, but of those that the one at an index is within."""
    place = lines[index].offset
    return [
        _texts(line)
        for i, line in enumerate(lines)
        if i != index and not line.offset <= place < line.command.words[-1].raw.end
    ]
