"""Commands that start other servers: rewritten where nothing is left to decide, else proposed."""

from __future__ import annotations

from collections.abc import Iterator

from channels_bridge.migrate.commands.translation import translate
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.prose import ADVICE
from channels_bridge.migrate.places.rewriting import proposed
from channels_bridge.migrate.places.starts import Start, starts_of
from channels_bridge.migrate.starting.start_plan import Plan, plan_for, python_of
from channels_bridge.migrate.starting.start_rules import (
    CB206,
    CB207,
    CB208,
    CB213,
    CB603,
    STARTS,
)
from channels_bridge.migrate.starting.supervisor_programs import is_several
from channels_bridge.migrate.starting.surroundings import Surroundings


def find_starts(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield a finding for each command of another server, and for what it leaves open."""
    surroundings = Surroundings(project)
    for start in starts_of(project):
        if not surroundings.concerns(start) or is_several(start):
            continue
        if start.advice == ADVICE:
            yield _named_in_prose(start)
            continue
        plan = plan_for(start, surroundings, options)
        yield from _findings(plan)


def _named_in_prose(start: Start) -> Finding:
    text = f"the old command is named: {start.text}"
    line = proposed(start, translate(start.invocation).arguments, python_of(start))
    return CB603.at(start.file, start.offset, text, fix=line)


def _findings(plan: Plan) -> Iterator[Finding]:
    start, rule = plan.start, STARTS[plan.start.invocation.server]
    edit = plan.edit()
    edits = (edit,) if edit else ()
    message = f"`{start.text}` starts {start.invocation.server}"
    yield rule.at(start.file, start.offset, message, fix=plan.text(), edits=edits)
    if any(argument.name == "--ssl-certfile" for argument in plan.translation.arguments):
        if any(given.name in ("-e", "--endpoint") for given in start.invocation.given):
            text = "the endpoint's certificate and key become options of their own"
            yield CB208.at(start.file, start.offset, text, fix=plan.text(), edits=edits)
    yield from _open_questions(plan)


def _open_questions(plan: Plan) -> Iterator[Finding]:
    start = plan.start
    for note in plan.translation.notes:
        yield CB206.at(start.file, start.offset, f"{note.text} (left out)")
    for doubt in plan.translation.doubts:
        if doubt.about_trust:
            yield CB207.at(start.file, start.offset, doubt.text)
        elif doubt.option:
            yield CB206.at(start.file, start.offset, doubt.text)
    for text in plan.place_doubts:
        fix = "python path/to/manage.py websockets_server ..., or change the directory before"
        yield CB213.at(start.file, start.offset, text, fix=fix)


START_FINDER = Finder((*STARTS.values(), CB206, CB207, CB208, CB213, CB603), find_starts)
