"""Several processes that supervisor starts of one command, which become one with workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from channels_bridge.migrate.commands.invocation import Invocation
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.ini_file import PROGRAM, Entry, entries
from channels_bridge.migrate.places.starts import Start, starts_of
from channels_bridge.migrate.starting.start_plan import plan_for
from channels_bridge.migrate.starting.start_rules import CB209, CB210
from channels_bridge.migrate.starting.surroundings import Surroundings
from channels_bridge.project.foreign.option import Becomes

_NUMBER = re.compile(r"\d+")
_OF_PROCESS = "%(process_num)"

#: Longer than a stop takes: --shutdown-timeout, 10 s, and 5 s until a worker is killed.
STOP_WAIT = 20


def find_programs(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield programs of which several are started, by supervisor or one by one."""
    surroundings = Surroundings(project)
    for start in starts_of(project):
        if surroundings.concerns(start) and is_several(start):
            program = _Program(project, start, surroundings)
            yield program.shared(options) if program.is_fcgi else program.ports(options)
    yield from _find_ports(project)


def is_several(start: Start) -> bool:
    """Whether supervisor starts several processes of it, or opens its socket."""
    if start.place.kind != PROGRAM:
        return False
    numprocs = program_entries(start).get("numprocs")
    several = numprocs is not None and numprocs.value.value.strip() not in ("", "1")
    return several or start.place.owner.startswith("fcgi-program:")


def program_entries(start: Start) -> dict[str, Entry]:
    """Return the values of a program's section, by their names."""
    return {
        entry.name: entry
        for entry in entries(start.file, indented=True)
        if entry.section == start.place.owner
    }


class _Program:
    """One section of supervisor's configuration."""

    def __init__(self, project: Project, start: Start, surroundings: Surroundings) -> None:
        self._project, self._start, self._surroundings = project, start, surroundings
        self._entries = program_entries(start)
        self.is_fcgi = start.place.owner.startswith("fcgi-program:")

    def shared(self, options: MigrateOptions) -> Finding:
        """Return what is said of processes that share a socket."""
        start = replace(self._start, invocation=_without_own_sockets(self._start.invocation))
        workers = options.workers if options.workers is not None else self._workers()
        known = replace(options, workers=workers)
        plan = plan_for(start, self._surroundings, known, self._trusted())
        plan.doubts += self._doubts()
        command = plan.edit()
        edits = (command, *self._edits()) if command else ()
        text = f"supervisor starts {self._value('numprocs') or '1'} processes for one socket"
        fix = f"{plan.text()}\nnumprocs=1\nstopwaitsecs={STOP_WAIT}"
        return CB209.at(start.file, start.offset, text, fix=fix, edits=edits)

    def ports(self, options: MigrateOptions) -> Finding:
        """Return what is said of processes with an address each."""
        workers = options.workers if options.workers is not None else self._workers()
        plan = plan_for(self._start, self._surroundings, replace(options, workers=workers))
        number = self._value("numprocs")
        text = f"supervisor starts {number} processes, each with an address of its own"
        fix = f"numprocs=1, one address in the proxy, and:\n{plan.text()}"
        return CB210.at(self._start.file, self._start.offset, text, fix=fix)

    def _value(self, name: str) -> str:
        entry = self._entries.get(name)
        return entry.value.value.partition(";")[0].strip() if entry else ""

    def _workers(self) -> int | None:
        match = _NUMBER.fullmatch(self._value("numprocs"))
        return int(match[0]) if match and int(match[0]) > 1 else None

    def _trusted(self) -> str:
        """Return who alone can connect to the socket that supervisor opens; empty if anybody."""
        socket = self._value("socket")
        if socket.startswith("unix:"):
            return "unix"
        local = re.match(r"tcp://(localhost|127\.[\d.]+):", socket)
        return "127.0.0.1" if local else ""

    def _doubts(self) -> Iterator[str]:
        invocation = self._start.invocation
        numbers = [one.value.text for one in invocation.option(Becomes.FD) if one.value]
        if numbers != ["0"]:
            yield "the command does not take over supervisor's socket by --fd 0"
        if self._value("numprocs") and not _NUMBER.fullmatch(self._value("numprocs")):
            yield f"numprocs is {self._value('numprocs')}"
        for given in invocation.option(Becomes.UNIX):
            folder = given.value.text.partition(_OF_PROCESS)[0] if given.value else ""
            for path in self._project.paths:
                if path.endswith((".conf", ".nginx")) and path != self._start.file.path:
                    file = self._project.file(path)
                    if file is not None and folder in file.text:
                        yield f"{path} names the sockets at {folder}"

    def _edits(self) -> Iterator[Edit]:
        file = self._start.file
        if numprocs := self._entries.get("numprocs"):
            digits = _NUMBER.search(numprocs.value.value)
            assert digits is not None
            value = numprocs.value[digits.start() : digits.end()]
            yield Edit(file.path, value.start, value.end, "1")
        if "stopwaitsecs" not in self._entries:
            start = self._entries["command"].start
            yield Edit(file.path, start, start, f"stopwaitsecs={STOP_WAIT}\n")


def _without_own_sockets(invocation: Invocation) -> Invocation:
    """Leave out the sockets that each process had beside the shared one."""
    own = invocation.option(Becomes.UNIX)
    return replace(invocation, given=tuple(one for one in invocation.given if one not in own))


def _find_ports(project: Project) -> Iterator[Finding]:
    """Yield where a file starts the same application several times."""
    by_place: dict[tuple[str, str], list[Start]] = {}
    for start in starts_of(project):
        if not start.advice and not is_several(start):
            by_place.setdefault((start.file.path, start.invocation.application), []).append(start)
    for starts in by_place.values():
        places = {start.text for start in starts}
        ports = [one for start in starts for one in start.invocation.option(Becomes.PORT)]
        numbers = {port.value.text for port in ports if port.value}
        if len(starts) > 1 and len(places) > 1 and len(numbers) == len(starts):
            text = (
                f"{len(starts)} servers of one application listen on {', '.join(sorted(numbers))}"
            )
            yield CB210.at(starts[0].file, starts[0].offset, text, fix=f"one with -w {len(starts)}")


PROGRAM_FINDER = Finder((CB209, CB210), find_programs)
