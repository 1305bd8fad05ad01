"""Command lines of TOML files, such as fly.toml: strings and lists of strings on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.dockerfile import json_array, json_string
from channels_bridge.migrate.places.lines import placed_lines
from channels_bridge.migrate.places.place import Place, Reads, list_place

_ENTRY = re.compile(
    r"""\s*("?[\w.-]+"?)\s*=\s*(?:"(?P<basic>(?!"")(?:[^"\\]|\\.)*)"|'(?P<literal>[^']*)'|(?P<list>\[.*\]))\s*(?:#.*)?$"""
)


def in_toml(file: SourceFile) -> Iterator[Place]:
    """Yield all strings and lists that may be command lines, each with its key as owner."""
    for line in placed_lines(file):
        if (match := _ENTRY.match(line.value)) is None:
            continue
        key = match[1].strip('"')
        if match["list"] is not None:
            items = json_array(line[match.start("list") : match.end("list")])
            if items is not None:
                yield list_place("TOML", items, json.dumps)
        elif match["basic"] is not None:
            string = re.compile(r'"((?:[^"\\]|\\.)*)"').search(line.value, match.start("basic") - 1)
            assert string is not None
            yield Place("TOML", Reads.SHELL, json_string(line, string), owner=key)
        else:
            text = line[match.start("literal") : match.end("literal")]
            yield Place("TOML", Reads.SHELL, text, owner=key)
