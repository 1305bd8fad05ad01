"""Health checks that look for a server's process by its name, and find it no longer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from channels_bridge.migrate.commands.simple_commands import SimpleCommand
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.prose import ADVICE
from channels_bridge.migrate.places.starts import lines_of, starts_of
from channels_bridge.migrate.starting.start_rules import CB214

_TOOLS = frozenset(("pgrep", "pkill", "pidof", "killall"))
_FIX = "look for websockets_server, or ask /healthz of --metrics or manage.py websockets_status"


def find_checks(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield commands and comparisons that look for a server which the project starts."""
    programs = {start.invocation.server.lower() for start in starts_of(project)}
    if not programs:
        return
    names = re.compile(rf"\b(?:{'|'.join(sorted(programs))})\b")
    for line in lines_of(project):
        if line.place.advice != ADVICE and _looks_for_process(line.command, names):
            words = " ".join(word.raw.value for word in line.command.words)
            yield CB214.at(line.file, line.offset, f"`{words}` looks for a process", fix=_FIX)
    for module in project.python:
        if b"argv" in module.file.data:
            yield from _comparisons(module, programs)


def _looks_for_process(command: SimpleCommand, names: re.Pattern[str]) -> bool:
    texts = [word.text.value for word in command.words]
    tools = [i for i, text in enumerate(texts) if text.rpartition("/")[2] in _TOOLS]
    if tools:
        return any(names.search(text) for text in texts[tools[0] + 1 :])
    greps = [i for i, text in enumerate(texts) if text in ("grep", "egrep")]
    piped = command.before == "|" and bool(greps) and greps[0] == 0
    return piped and any(names.search(text) for text in texts[1:]) and "ps" in command.text.value


def _comparisons(module: PythonFile, programs: set[str]) -> Iterator[Finding]:
    """Yield where the name of a server is looked for in the program's arguments."""
    for node in module.nodes:
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            name, right = node.left.value, ast.unparse(node.comparators[0])
            if isinstance(name, str) and name in programs and "argv" in right:
                text = f"`{ast.unparse(node)}` is false under this server"
                fix = "'websockets_server' in sys.argv, or channels_bridge.server.current_worker()"
                yield CB214.at(module.file, module.start(node), text, fix=fix)


HEALTH_CHECK_FINDER = Finder((CB214,), find_checks)
