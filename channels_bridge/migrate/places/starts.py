"""All commands of a project that start a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from channels_bridge.migrate.commands.invocation import Invocation, find_invocation
from channels_bridge.migrate.commands.shell_words import CannotSplit
from channels_bridge.migrate.commands.simple_commands import SimpleCommand, script_within
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.kinds import TEMPLATE, candidates, places_in
from channels_bridge.migrate.places.place import Place, Reads
from channels_bridge.migrate.places.yaml_file import CannotRead


@dataclass(frozen=True)
class Line:
    """A command of a file, whatever it starts.

    Attributes:
        file: that it is in.
        place: the command line that it is a part of; of a script within, that script.
        command: it.
        is_within: whether the script is an argument of a shell, as in ``sh -c "…"``.
    """

    file: SourceFile
    place: Place
    command: SimpleCommand
    is_within: bool = False

    @property
    def offset(self) -> int:
        """Where its first word begins."""
        return self.command.words[0].raw.start

    @property
    def is_ours(self) -> bool:
        """Whether it starts this server."""
        return any(word.text.value == "websockets_server" for word in self.command.words)


@dataclass(frozen=True)
class Start:
    """A command that starts another server."""

    line: Line
    invocation: Invocation

    @property
    def file(self) -> SourceFile:
        """The file that it is in."""
        return self.line.file

    @property
    def place(self) -> Place:
        """The command line that it is a part of."""
        return self.line.place

    @property
    def offset(self) -> int:
        """Where it begins."""
        return self.invocation.words[self.invocation.first].raw.start

    @property
    def span(self) -> tuple[int, int]:
        """The part of the file that is the server's: without what launches it."""
        return self.offset, self.invocation.last.raw.end

    @property
    def text(self) -> str:
        """It on one line, with the quotes that a shell needs."""
        words = self.invocation.words[self.invocation.first :]
        if self.place.reads is Reads.LIST:
            return " ".join(word.text.value for word in words)
        return " ".join(word.raw.value for word in words)

    @property
    def advice(self) -> str:
        """Why it is never rewritten, as a clause; empty where it may be."""
        start, end = self.span
        first, last = self.file.position(start)[0], self.file.position(end)[0]
        lines = (self.file.line(number) for number in range(first, last + 1))
        if not self.place.advice and any(map(TEMPLATE.search, lines)):
            return "the line is a template"
        return self.place.advice


#: Of a project, as several finders ask.
_known: WeakKeyDictionary[Project, list[Line]] = WeakKeyDictionary()


def lines_of(project: Project) -> list[Line]:
    """Return all commands of the files that may start a server."""
    if project not in _known:
        _known[project] = [line for file in candidates(project) for line in _lines(project, file)]
    return _known[project]


def starts_of(project: Project) -> list[Start]:
    """Return all commands that start another server."""
    return [
        Start(line, found)
        for line in lines_of(project)
        if (found := find_invocation(line.command.words)) is not None
    ]


def _lines(project: Project, file: SourceFile) -> Iterator[Line]:
    try:
        places = places_in(file)
    except CannotRead as error:
        project.skip(file.path, str(error), matters="compose" in file.name)
        return
    for place in places:
        yield from lines_in(file, place)


def lines_in(file: SourceFile, place: Place, *, is_within: bool = False) -> Iterator[Line]:
    """Yield the commands of a command line, and of the scripts within."""
    try:
        commands = list(place.commands())
    except CannotSplit:
        return
    for command in commands:
        yield Line(file, place, command, is_within)
        if (script := script_within(command.words)) is not None:
            inner = replace(place, reads=Reads.SHELL, text=script.text, items=())
            yield from lines_in(file, inner, is_within=True)
