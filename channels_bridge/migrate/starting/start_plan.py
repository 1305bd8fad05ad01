"""The plan for a start command: our command, and what keeps it from being written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels_bridge.migrate.commands.given_options import Value
from channels_bridge.migrate.commands.translation import Argument, Translation, translate
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.places.ini_file import PROGRAM, UNIT
from channels_bridge.migrate.places.rewriting import proposed, rewritten
from channels_bridge.migrate.places.starts import Start
from channels_bridge.migrate.starting.surroundings import Surroundings

_MANAGE = re.compile(r"(?:^|[\s\"'])((?:[\w./-]+/)?python[\d.]*)[\"',\s]+(?:\./)?manage\.py\b")

#: Where programs are that are not a virtual environment's.
_SYSTEM = re.compile(r"(?:/usr(?:/local)?|~/\.local|/home/\w+/\.local|\$HOME/\.local)/s?bin/")


@dataclass
class Plan:
    """What is to become of a command.

    Attributes:
        start: it.
        translation: its options.
        python: how the interpreter is called where the server's name doesn't say it.
        doubts: what else keeps it from being rewritten, as clauses.
        place_doubts: the same, of where manage.py is.
    """

    start: Start
    translation: Translation
    python: str
    doubts: list[str] = field(default_factory=list)
    place_doubts: list[str] = field(default_factory=list)

    def edit(self) -> Edit | None:
        """Return the new command; None where it is not certain."""
        if self.doubts or self.place_doubts or self.translation.doubts:
            return None
        edit = rewritten(self.start, self.translation.arguments, self.python)
        if edit is None:
            self.doubts.append("its quotes, or what stands between its words, need a second look")
        return edit

    def text(self) -> str:
        """Return the new command as a line to copy, and what is to be decided."""
        reasons = [*self.doubts, *self.place_doubts]
        reasons += [doubt.text for doubt in self.translation.doubts]
        line = proposed(self.start, self.translation.arguments, self.python)
        return "\n".join([line, *(f"but first: {reason}" for reason in dict.fromkeys(reasons))])


def plan_for(
    start: Start, surroundings: Surroundings, options: MigrateOptions, trusted: str = ""
) -> Plan:
    """Say what is to become of a command.

    Args:
        start: it.
        surroundings: its project.
        options: whose workers and address count before the command's.
        trusted: whose headers are believed at a socket that another program opened.
    """
    translation = translate(start.invocation, trusted=trusted, workers=options.workers)
    if options.bind:
        others = [one for one in translation.arguments if one.name != "-b"]
        translation.arguments = [Argument("-b", Value.plain(options.bind)), *others]
    has_workers = any(argument.name == "-w" for argument in translation.arguments)
    if not has_workers and surroundings.may_add_workers(start):
        translation.arguments.append(Argument("-w", Value.plain("1")))
    plan = Plan(start, translation, python_of(start))
    settings, doubt = surroundings.settings(start)
    if settings:
        translation.arguments.append(Argument("--settings", Value.plain(settings)))
    plan.doubts += filter(None, [start.advice, doubt, *surroundings.doubts(start)])
    plan.doubts += _program_doubts(start)
    plan.place_doubts += surroundings.place_doubts(start)
    return plan


def python_of(start: Start) -> str:
    """Return what the file calls Python where it runs manage.py."""
    match = _MANAGE.search(start.file.text)
    return match[1] if match else "python"


def _program_doubts(start: Start) -> Iterator[str]:
    """Yield why the interpreter beside the server's program may not be the project's."""
    if start.invocation.by_module or start.place.kind.startswith("Dockerfile"):
        return
    program = start.invocation.program.text.value
    on_machine = start.place.kind in (UNIT, PROGRAM)
    if _SYSTEM.match(program):
        yield "it is not certain which Python belongs to this program"
    elif "/" not in program and on_machine and start.invocation.first == 0:
        yield "it is not certain which Python this program belongs to; name it with its path"
