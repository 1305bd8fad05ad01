"""Shells that stand between a container and its server."""

from __future__ import annotations

from collections.abc import Iterator

from channels_bridge.migrate.commands.invocation import find_invocation
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.kinds import TEMPLATE
from channels_bridge.migrate.places.place import Reads
from channels_bridge.migrate.places.starts import Line, Start, lines_of
from channels_bridge.migrate.starting.start_rules import CB212
from channels_bridge.migrate.starting.surroundings import Surroundings

_PIPES = ("|", "|&")


def find_shells(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield the servers that a shell starts without handing over to them."""
    surroundings = Surroundings(project)
    for line in lines_of(project):
        if _starts_server(line, surroundings) and not line.place.advice:
            if line.command.behind in _PIPES:
                text = "the output goes through a pipe, which a shell has to hold"
                yield CB212.at(line.file, line.offset, text, fix=_LOGS)
            elif _is_container(line) and not _hands_over(line):
                yield _finding(line)


_LOGS = "write logs by the setting LOGGING, and start the server by exec"


def _starts_server(line: Line, surroundings: Surroundings) -> bool:
    found = find_invocation(line.command.words)
    return line.is_ours or (found is not None and surroundings.concerns(Start(line, found)))


def _is_container(line: Line) -> bool:
    """Whether the shell is what a container runs, and so gets its signals."""
    if line.place.reads is not Reads.SHELL:
        return False
    in_dockerfile = line.place.kind in ("Dockerfile CMD", "Dockerfile ENTRYPOINT")
    return in_dockerfile or (line.is_within and line.place.kind.startswith(("Docker", "`")))


def _hands_over(line: Line) -> bool:
    return line.command.words[0].text.value == "exec" or line.command.behind == "&"


def _finding(line: Line) -> Finding:
    words = " ".join(word.raw.value for word in line.command.words)
    alone = not line.command.before and not line.command.behind and not line.command.assigned
    text = f"a shell runs `{words}` and keeps the container's signals"
    certain = alone and not TEMPLATE.search(line.file.line(line.file.position(line.offset)[0]))
    edit = Edit(line.file.path, line.offset, line.offset, "exec ")
    fix = "exec before the server's command"
    return CB212.at(line.file, line.offset, text, fix=fix, edits=(edit,) if certain else ())


SHELL_FINDER = Finder((CB212,), find_shells)
