"""Command lines of YAML and JSON files: compose files, Kubernetes' manifests, platforms' own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import Token
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.place import Place, Reads, list_place

try:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
except ImportError:  # the extra is not installed: `can_read` says so
    can_read = False
else:
    can_read = True

#: What a project is told where YAML can't be read.
MISSING = "YAML and JSON are not read without what pip install 'channels-bridge[migrate]' installs"

#: Keys of command lines that no shell reads, and of those that one does.
_PROGRAM_KEYS = frozenset(("command", "entrypoint", "args", "entryPoint"))
_SHELL_KEYS = frozenset(
    "startCommand start_command run_command run cmd web start dockerCommand".split()
)


class CannotRead(ValueError):
    """It is no YAML, or a template of it; the text is a clause."""


def compose(file: SourceFile) -> list[Node]:
    """Return the documents of a file, as nodes that know where they stand.

    Raises:
        CannotRead: it cannot be parsed.
    """
    try:
        return [
            node for node in YAML(typ="safe", pure=True).compose_all(file.text) if node is not None
        ]
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1} " if mark else "it "
        raise CannotRead(f"{where}cannot be parsed: {getattr(error, 'problem', error)}") from None
    except (RecursionError, ValueError) as error:
        raise CannotRead(f"it cannot be parsed: {error}") from None


def in_yaml(file: SourceFile) -> Iterator[Place]:
    """Yield all command lines, each with the keys that lead to it as owner.

    Raises:
        CannotRead: it cannot be parsed.
    """
    seen: set[int] = set()
    for document in compose(file):
        yield from _walk(file, document, (), seen)


def scalars(file: SourceFile) -> Iterator[tuple[int, int, str]]:
    """Yield all scalars with their start and end, keys included; nothing of a broken file."""
    try:
        documents = compose(file)
    except CannotRead:
        return
    seen: set[int] = set()
    for document in documents:
        yield from _scalars(document, seen)


def _scalars(node: Node, seen: set[int]) -> Iterator[tuple[int, int, str]]:
    if isinstance(node, ScalarNode):
        yield node.start_mark.index, node.end_mark.index, node.value
    elif id(node) not in seen:
        seen.add(id(node))
        for child in node.value:
            for one in child if isinstance(child, tuple) else (child,):
                yield from _scalars(one, seen)


def pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield the keys of a mapping with what they are set to; nothing of another node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield key.value, value


def items(node: Node | None) -> list[Node]:
    """Return the nodes of a list; none of another node."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def get(node: Node | None, *keys: str) -> Node | None:
    """Return what some keys lead to."""
    for key in keys:
        node = dict(pairs(node)).get(key)
    return node


def scalar(node: Node | None) -> str:
    """Return a scalar's text; of another node, nothing."""
    return node.value if isinstance(node, ScalarNode) else ""


def _walk(file: SourceFile, node: Node, keys: tuple[str, ...], seen: set[int]) -> Iterator[Place]:
    """Yield the command lines of a node and of those within; of one with several names, once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(file, item, (*keys, str(index)), seen)
    for key, value in pairs(node):
        if key in _PROGRAM_KEYS | _SHELL_KEYS or keys[-1:] in (
            ("run",),
            ("scripts",),
            ("processes",),
        ):
            yield from _places(file, key, value, keys)
        yield from _walk(file, value, (*keys, key), seen)


def _places(file: SourceFile, key: str, node: Node, keys: tuple[str, ...]) -> Iterator[Place]:
    kind, owner = f"`{key}`", ".".join(keys)
    if isinstance(node, ScalarNode):
        reads = Reads.PROGRAM if key in _PROGRAM_KEYS else Reads.SHELL
        text = placed_scalar(file.text, node)
        if text is None:
            text = somewhere(node)
            yield Place(kind, reads, text, owner=owner, advice="its quotes are not understood")
        else:
            yield Place(kind, reads, text, owner=owner)
    elif (tokens := _tokens(file, node)) is not None:
        yield _owned(list_place(kind, tokens, _quote_like(node, file)), owner)


def _owned(place: Place, owner: str) -> Place:
    return Place(place.kind, place.reads, place.text, place.items, owner, place.quote)


def _tokens(file: SourceFile, node: Node) -> tuple[Token, ...] | None:
    """Return the words of a list of scalars; None if it is none."""
    found = []
    for item in items(node):
        if not isinstance(item, ScalarNode) or item.anchor:
            return None
        start, end = item.start_mark.index, item.end_mark.index
        raw = PlacedText.of(file.text[start:end].rstrip(), start)
        text = placed_scalar(file.text, item) or somewhere(item)
        if len(raw):
            found.append(Token(raw, text, is_word=True))
    return tuple(found) or None


def _quote_like(node: Node, file: SourceFile) -> Any:
    """Return what writes a word as the list's first one is written."""
    style = node.value[0].style
    return lambda text: _quoted(text, style)


_PLAIN = re.compile(r"[A-Za-z/.-][\w/.@+-]*(?::[\w.-]+)*|\d+(?:\.\d+){3}(?::\d+)?")
_RESERVED = re.compile(r"(?i)(true|false|yes|no|on|off|null|y|n|-|\.|--?\.inf|\.nan)")


def _quoted(text: str, style: str | None) -> str:
    """Write a text as YAML: plain where that is how the others are written and it can be."""
    if style == "'" and "'" not in text:
        return f"'{text}'"
    if style is None and _PLAIN.fullmatch(text) and not _RESERVED.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def somewhere(node: ScalarNode) -> PlacedText:
    """Return a scalar's text, each character of it placed where the scalar begins."""
    start = node.start_mark.index
    return PlacedText.join((character, start, start + 1) for character in node.value)


def placed_scalar(source: str, node: ScalarNode) -> PlacedText | None:
    """Return a scalar's text, placed; None where its escapes or foldings are not understood."""
    start, end = node.start_mark.index, node.end_mark.index
    match node.style:
        case None | "":
            text = _folded(PlacedText.of(source[start:end].rstrip(), start))
        case "'":
            text = _folded(PlacedText.of(source[start + 1 : end - 1], start + 1), doubled="'")
        case '"':
            text = _folded(PlacedText.of(source[start + 1 : end - 1], start + 1), escapes=True)
        case _:
            text = _block(PlacedText.of(source[start:end], start), node.style == ">")
    if text.value == node.value:
        return text
    if text.value.rstrip("\n") == node.value.rstrip("\n"):
        return text[: len(text.value.rstrip("\n"))]
    return None


def _folded(text: PlacedText, doubled: str = "", escapes: bool = False) -> PlacedText:
    """Join the lines of a flow scalar, and take its escapes away."""
    pieces, place, listed = [], 0, list(text.pieces())
    while place < len(listed):
        character, start, end = listed[place]
        folding = re.compile(r"[ \t]*\n\s*").match(text.value, place)
        if folding:
            breaks = folding[0].count("\n")
            last = listed[folding.end() - 1][2]
            pieces += [(" " if breaks == 1 else "\n", start, last)] * max(1, breaks - 1)
            place = folding.end()
            continue
        if doubled and text.value.startswith(doubled * 2, place):
            place += 1
        elif escapes and character == "\\" and place + 1 < len(listed):
            place += 1
            character = {"n": "\n", "t": "\t"}.get(listed[place][0], listed[place][0])
        pieces.append((character, start, listed[place][2]))
        place += 1
    return PlacedText.join(pieces)


def _block(text: PlacedText, folds: bool) -> PlacedText:
    """Take the header and the indentation of a block scalar away."""
    _, _, body = text.value.partition("\n")
    start = len(text) - len(body)
    lines = [line for line in body.split("\n") if line.strip()]
    indentation = min((len(line) - len(line.lstrip(" ")) for line in lines), default=0)
    pieces: list[tuple[str, int, int]] = []
    listed = list(text.pieces())
    for line in body.split("\n"):
        pieces += listed[start + indentation : start + len(line)]
        start += len(line) + 1
        if start <= len(text):
            pieces.append(("\n", listed[start - 1][1], listed[start - 1][2]))
    placed = PlacedText.join(pieces)
    return _joined_lines(placed) if folds else placed


def _joined_lines(text: PlacedText) -> PlacedText:
    """Make blanks of ends of lines, as a folded scalar does; indented lines keep theirs."""
    pieces, value = [], text.value
    for index, (character, start, end) in enumerate(text.pieces()):
        if character == "\n":
            before = value[value.rfind("\n", 0, index) + 1 : index]
            after = value[index + 1 :].lstrip("\n")
            if not after or after[0] in " \t" or before[:1] in (" ", "\t"):
                pass
            elif value.startswith("\n", index + 1) and before:
                continue  # of several ends of lines, the first one
            elif before:
                character = " "
        pieces.append((character, start, end))
    return PlacedText.join(pieces)
