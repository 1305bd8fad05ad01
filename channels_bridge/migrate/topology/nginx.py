"""Locations of nginx that pass requests on to the server, but not WebSockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.topology.topology_rules import CB305

_TOKEN = re.compile(
    r"#[^\n]*|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[{};]|(?:\$\{\w+\}|[^\s{};\"'#])+"
)
_WEBSOCKET_PATH = re.compile(r"(?:^|[/^])(?:ws|wss|websockets?|socket)\b")
_SECONDS = re.compile(r"(\d+)s?")

#: What is longer than the server's pings are apart.
SHORTEST = 20

_LINES = (
    "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\n"
    "proxy_set_header Connection $connection_upgrade;"
)


@dataclass
class Block:
    """A block of a configuration, such as a location.

    Attributes:
        words: before its brace.
        start: of the first of these.
        parent: what it stands in.
        directives: each with its words, by its name.
        includes: whether it takes directives from another file.
        blocks: those within.
    """

    words: list[str]
    start: int
    parent: Block | None = None
    directives: dict[str, list[list[str]]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def inherited(self, name: str) -> list[list[str]]:
        """Return what holds for a directive here: that of the innermost block that has any."""
        if name in self.directives or self.parent is None:
            return self.directives.get(name, [])
        return self.parent.inherited(name)

    @property
    def includes(self) -> bool:
        """Whether directives that are not seen may hold here."""
        return bool(self.directives.get("include"))


def read_blocks(text: str) -> Block:
    """Read a configuration; what is wrong with it is passed over."""
    root = current = Block([], 0)
    words: list[tuple[str, int]] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == ";" and words:
            names = [word for word, _ in words]
            current.directives.setdefault(names[0], []).append(names[1:])
            words = []
        elif token == "{":
            start = words[0][1] if words else match.start()
            block = Block([word for word, _ in words], start, current)
            current.blocks.append(block)
            current, words = block, []
        elif token == "}":
            current, words = current.parent or root, []
        elif not token.startswith("#"):
            words.append((token.strip("\"'"), match.start()))
    return root


def find_locations(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield locations for WebSockets that nginx does not pass on, or cuts off."""
    for file in project.files("*.conf", "*.nginx", "nginx*.template", "*.conf.template"):
        if "proxy_pass" in file.text and re.search(r"\blocation\b", file.text):
            for block in _all_blocks(read_blocks(file.text)):
                if block.words[:1] == ["location"] and "proxy_pass" in block.directives:
                    yield from _finding(file, block)


def _all_blocks(block: Block) -> Iterator[Block]:
    for inner in block.blocks:
        yield inner
        yield from _all_blocks(inner)


def _finding(file: SourceFile, block: Block) -> Iterator[Finding]:
    headers = {words[0].lower() for words in block.inherited("proxy_set_header") if words}
    upgrades = {"upgrade", "connection"} <= headers
    named = " ".join(block.words)
    if _WEBSOCKET_PATH.search(block.words[-1]) and not upgrades and not block.includes:
        text = f"`{named}` does not pass Upgrade and Connection on"
        yield CB305.at(file, block.start, text, fix=_LINES)
    elif upgrades and _version(block) != "1.1" and not block.includes:
        text = f"`{named}` passes Upgrade on, but by HTTP/1.0"
        yield CB305.at(file, block.start, text, fix=_LINES)
    timeouts = block.inherited("proxy_read_timeout")
    match = _SECONDS.fullmatch(timeouts[-1][0]) if timeouts and timeouts[-1] else None
    if upgrades and match and int(match[1]) < SHORTEST:
        text = f"`{named}` cuts connections off after {match[1]} s without data"
        yield CB305.at(file, block.start, text, fix="proxy_read_timeout 60s;")


def _version(block: Block) -> str:
    found = block.inherited("proxy_http_version")
    return found[-1][0] if found and found[-1] else ""


NGINX_FINDER = Finder((CB305,), find_locations)
