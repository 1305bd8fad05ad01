"""The server that a command starts: how it is launched, its options, its application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.shell_words import (
    CannotSplit,
    Token,
    split_script,
    split_words,
)
from channels_bridge.project.foreign.foreign_command_line import find
from channels_bridge.project.foreign.foreign_options import SERVERS
from channels_bridge.project.foreign.option import Becomes, Option

#: By the names of the programs.
PROGRAMS = {server.lower(): server for server in SERVERS if server != "runserver"}

_APPLICATION = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)
#: Which gunicorn and hypercorn take, too: they know the attribute's name.
_MODULE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.asgi|asgi", re.ASCII)
_DEFAULT_ATTRIBUTE = {"gunicorn": "application", "hypercorn": "app"}

_PYTHON = re.compile(r"(.*/)?python[\d.]*|\$\(?\{?PYTHON\w*\}?\)?", re.ASCII)

#: Classes of gunicorn's workers that serve ASGI.
_ASGI_WORKERS = re.compile(r"uvicorn(\.workers|_worker)\.Uvicorn(H11)?Worker|asgi")
_WSGI_WORKERS = frozenset("sync gthread gevent eventlet tornado".split())

#: Programs that run the command behind them, with how many words stand before it, beside options.
_LAUNCHERS = {
    ("exec",): 0,
    ("env",): 0,
    ("nohup",): 0,
    ("time",): 0,
    ("command",): 0,
    ("with-contenv",): 0,
    ("dumb-init",): 0,
    ("tini",): 0,
    ("catatonit",): 0,
    ("ddtrace-run",): 0,
    ("opentelemetry-instrument",): 0,
    ("newrelic-admin", "run-program"): 0,
    ("uv", "run"): 0,
    ("poetry", "run"): 0,
    ("pipenv", "run"): 0,
    ("pdm", "run"): 0,
    ("rye", "run"): 0,
    ("hatch", "run"): 0,
    ("gosu",): 1,
    ("su-exec",): 1,
    ("s6-setuidgid",): 1,
    ("setuidgid",): 1,
    ("chpst",): 0,
    ("sudo",): 0,
}
#: Options of these that have their value in the next word.
_WITH_VALUE = {
    "sudo": ("-u", "-g", "--user", "--group"),
    "chpst": ("-u", "-U", "-e", "-o", "-n"),
    "uv": ("--with", "--group", "--extra", "--env-file", "--project", "--directory", "-p"),
    "env": ("-u", "-C"),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Value:
    """What is given to an option: as a program gets it, and as it is written.

    Attributes:
        text: without quotes; variables as they are written.
        raw: with its quotes, in parts that are new or that stand in the file; None where it can't
            be written as a word of its own.
    """

    text: str
    raw: tuple[str | PlacedText, ...] | None

    @classmethod
    def plain(cls, text: str) -> Value:
        """Make one that needs no quotes."""
        return cls(text, (text,))

    @property
    def is_plain(self) -> bool:
        """Whether it has no quotes, and nothing that has to be expanded."""
        return self.written == self.text and "$" not in self.text and "%" not in self.text

    @property
    def written(self) -> str | None:
        """It with its quotes."""
        if self.raw is None:
            return None
        return "".join(part if isinstance(part, str) else part.value for part in self.raw)


@dataclass(frozen=True)
class Given:
    """One option, as it is given.

    Attributes:
        name: as it is written.
        option: its row of the table; None for one that is in none.
        value: what is given to it.
    """

    name: str
    option: Option | None
    value: Value | None = None


@dataclass(frozen=True)
class Invocation:
    """A server that is started.

    Attributes:
        server: its name, as ``SERVERS`` has it.
        words: of the whole command.
        first: the index of the first word that is the server's: its name, or ``-m`` before that.
        application: ``module:attribute``.
        given: its options.
        unknown: words that are no options of the server, in the order in which they stand.
        wrapper: what runs it, where that is a program that is not known; else empty.
        by_module: whether it is a module that ``python -m`` runs.
    """

    server: str
    words: tuple[Token, ...]
    first: int
    application: str
    given: tuple[Given, ...]
    unknown: tuple[str, ...]
    wrapper: str = ""
    by_module: bool = False

    @property
    def program(self) -> Token:
        """The word that names the server."""
        return self.words[self.first + self.by_module]

    @property
    def last(self) -> Token:
        """The last word."""
        return self.words[-1]

    def option(self, *becomes: Becomes) -> list[Given]:
        """Return the options that become one of some things."""
        return [
            given
            for given in self.given
            if given.option and given.option.becomes_of(given.name) in becomes
        ]


def find_invocation(words: Sequence[Token]) -> Invocation | None:
    """Return the server that a simple command starts; None if it starts none with ASGI."""
    for index, word in enumerate(words):
        name = word.text.value.rpartition("/")[2]
        server = PROGRAMS.get(name)
        if server is None or (found := _read(server, words, index)) is None:
            continue
        return found if _serves_asgi(found) else None
    return None


def _read(server: str, words: Sequence[Token], index: int) -> Invocation | None:
    by_module = index > 0 and words[index - 1].text.value == "-m"
    first = index - by_module
    given, others = _arguments(server, words[index + 1 :])
    applications = [text for text in others if _is_application(server, text)]
    if len(applications) != 1:
        return None
    application = applications[0]
    others.remove(application)
    if ":" not in application:
        application += f":{_DEFAULT_ATTRIBUTE[server]}"
    unknown = [one.name for one in given if one.option is None] + others
    wrapper = _unknown_launcher(words[:first], by_module=by_module)
    return Invocation(
        server, tuple(words), first, application, given, tuple(unknown), wrapper, by_module
    )


def _is_application(server: str, text: str) -> bool:
    if _APPLICATION.fullmatch(text):
        return True
    return server in _DEFAULT_ATTRIBUTE and _MODULE.fullmatch(text) is not None


def _serves_asgi(found: Invocation) -> bool:
    """Whether gunicorn has workers for it, and granian and uvicorn don't serve something else."""
    interfaces = _values(found, Becomes.INTERFACE)
    if found.server != "gunicorn":
        return interfaces.isdisjoint(("wsgi", "rsgi"))
    classes = _values(found, Becomes.WORKER_CLASS)
    if any(map(is_known_worker, classes)):
        return True
    return classes.isdisjoint(_WSGI_WORKERS) and "asgi" in found.application


def _values(found: Invocation, becomes: Becomes) -> set[str]:
    return {given.value.text for given in found.option(becomes) if given.value}


def is_known_worker(text: str) -> bool:
    """Whether a class of gunicorn's workers is uvicorn's, or its own for ASGI."""
    return _ASGI_WORKERS.fullmatch(text) is not None


def _arguments(server: str, words: Sequence[Token]) -> tuple[tuple[Given, ...], list[str]]:
    """Return the options in some words, and all else."""
    given, others = [], []
    rest = iter(words)
    for word in rest:
        text = word.text.value
        if not text.startswith("-") or text in ("-", "--"):
            others.append(text)
            continue
        name, start = _name(text)
        option = find(name, server)
        if option is None:
            given.append(Given(text, None))
        elif not option.value:
            known = option if start is None else None
            given.append(Given(name if known else text, known))
        elif start is not None:
            given.append(Given(name, option, _part(word, start)))
        elif (following := next(rest, None)) is not None:
            given.append(Given(name, option, _whole(following)))
        else:
            given.append(Given(text, None))
    return tuple(given), others


def _name(text: str) -> tuple[str, int | None]:
    """Return an option's name, and where its value begins if that is in the same word."""
    if text.startswith("--"):
        name, equals, _ = text.partition("=")
        return name, len(name) + 1 if equals else None
    return text[:2], 2 if len(text) > 2 else None


def _whole(word: Token) -> Value:
    return Value(word.text.value, (word.raw,))


def _part(word: Token, start: int) -> Value:
    """Return the end of a word, from a character on that is not within quotes."""
    text = word.text.value[start:]
    if word.raw.value == word.text.value:
        return Value(text, (word.raw[start:],))
    if not text:
        return Value(text, None)
    begin = word.text.starts[start]
    offset = next((i for i, place in enumerate(word.raw.starts) if place >= begin), None)
    if offset is None:
        return Value(text, None)
    for cut in (offset - 1, offset):  # behind a quote, or not
        raw = word.raw[cut:]
        if word.raw.value[:cut] == word.text.value[:start] and _says(raw, text):
            return Value(text, (raw,))
    return Value(text, None)


def _says(raw: PlacedText, text: str) -> bool:
    """Whether it is a word of its own, with that text."""
    for split in (split_script, split_words):
        try:
            tokens = split(raw)
        except CannotSplit:
            continue
        if [token.text.value for token in tokens] == [text]:
            return True
    return False


def _unknown_launcher(words: Sequence[Token], *, by_module: bool) -> str:
    """Return the program before a server whose ways are not known; empty if all are."""
    texts = [word.text.value for word in words]
    if by_module:
        while texts and not _PYTHON.fullmatch(texts[-1]):
            if not texts[-1].startswith("-") and texts[-2:-1] not in (["-W"], ["-X"]):
                return texts[-1]
            texts.pop()
        if not texts:
            return "-m"
        texts.pop()
    while texts:
        if (length := _launcher(texts)) is None:
            return texts[0]
        texts = texts[length:]
    return ""


def _launcher(texts: Sequence[str]) -> int | None:
    """Return how many words a known launcher at the beginning takes up; None if it isn't known."""
    if texts[-1] == "--":
        return len(texts)
    names = [text.rpartition("/")[2] for text in texts]
    for launcher, arguments in _LAUNCHERS.items():
        length = len(launcher)
        if (names[0], *texts[1:length]) == launcher:
            return _behind_options(launcher[0], texts, length, arguments)
    return None


def _behind_options(name: str, texts: Sequence[str], place: int, arguments: int) -> int:
    while place < len(texts) and texts[place].startswith("-"):
        place += 2 if texts[place] in _WITH_VALUE.get(name, ()) else 1
    place += arguments
    while name in ("env", "sudo") and place < len(texts) and _ASSIGNMENT.fullmatch(texts[place]):
        place += 1
    return min(place, len(texts))


def script_within(words: Sequence[Token]) -> Iterator[Token]:
    """Yield the script that a command gives to a shell, as ``sh -c`` does."""
    for index, word in enumerate(words[:-1]):
        name = word.text.value.rpartition("/")[2]
        if name in ("sh", "bash", "dash", "ash", "zsh"):
            options = [one.text.value for one in words[index + 1 :]]
            for place, text in enumerate(options[:-1]):
                if not text.startswith("-"):
                    return
                if not text.startswith("--") and text.endswith("c"):
                    yield words[index + 1 + place + 1]
                    return
