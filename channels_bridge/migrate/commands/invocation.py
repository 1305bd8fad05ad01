"""The server that a command starts, its application, and whether it serves ASGI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from channels_bridge.migrate.commands.given_options import Given, read_arguments
from channels_bridge.migrate.commands.launchers import unknown_launcher
from channels_bridge.migrate.commands.shell_words import Token
from channels_bridge.project.foreign.foreign_options import SERVERS
from channels_bridge.project.foreign.option import Becomes

#: By the names of the programs.
PROGRAMS = {server.lower(): server for server in SERVERS if server != "runserver"}

_APPLICATION = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)
#: Which gunicorn and hypercorn take, too: they know the attribute's name.
_MODULE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.asgi|asgi", re.ASCII)
_DEFAULT_ATTRIBUTE = {"gunicorn": "application", "hypercorn": "app"}

#: Classes of gunicorn's workers that serve ASGI.
_ASGI_WORKERS = re.compile(r"uvicorn(\.workers|_worker)\.Uvicorn(H11)?Worker|asgi")
_WSGI_WORKERS = frozenset("sync gthread gevent eventlet tornado".split())


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
    given, others = read_arguments(server, words[index + 1 :])
    applications = [text for text in others if _is_application(server, text)]
    if len(applications) != 1:
        return None
    application = applications[0]
    others.remove(application)
    if ":" not in application:
        application += f":{_DEFAULT_ATTRIBUTE[server]}"
    unknown = [one.name for one in given if one.option is None] + others
    wrapper = unknown_launcher(words[:first], by_module=by_module)
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
