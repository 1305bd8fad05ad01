"""One row of the tables: an option of another server, and remarks that many have."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Becomes(Enum):
    """What an option becomes where a command of another server is written anew."""

    #: Our option, with the value that theirs has.
    OURS = "ours"
    #: Nothing: what it does is so here anyway, or does not exist.
    NOTHING = "nothing"
    #: Nothing, and somebody who wrote it has to know.
    NOTE = "note"
    #: Nobody knows but who wrote it.
    QUESTION = "question"
    #: Nothing where its value is ``-``, standard output, else a question.
    OUTPUT = "output"
    #: A part of an address, or a whole one: as gunicorn has it, or Twisted's.
    HOST, PORT, UNIX, FD, ADDRESS, ENDPOINT = "host", "port", "unix", "fd", "address", "endpoint"
    #: Whether the headers of a proxy are read: of each peer, of this machine's, or of none.
    TRUST_ALL, TRUST_LOCAL, TRUST_NONE = "trust all", "trust local", "trust none"
    #: ``true`` or ``false``, for a switch of ours that turns it off.
    SWITCH = "switch"
    #: The class of gunicorn's workers, which says whether it serves ASGI at all.
    WORKER_CLASS = "worker class"
    #: The interface of granian and uvicorn, which says so, too.
    INTERFACE = "interface"


class Option(NamedTuple):
    """One row: options of another server that are alike, and what takes their place.

    Attributes:
        theirs: the names of options that are alike, with commas; empty where only we have one.
        ours: what takes their place, as it is written; empty where nothing does.
        remark: what there is to say; with the guide's markup.
        value: whether theirs take a value.
        becomes: what each of theirs becomes, or all of them.
    """

    theirs: str
    ours: str
    remark: str = ""
    value: bool = True
    becomes: Becomes | tuple[Becomes, ...] = Becomes.OURS

    @property
    def names(self) -> tuple[str, ...]:
        """Theirs, one by one."""
        return tuple(filter(None, self.theirs.split(", ")))

    def becomes_of(self, name: str) -> Becomes:
        """Return what one of theirs becomes."""
        if isinstance(self.becomes, Becomes):
            return self.becomes
        return self.becomes[self.names.index(name)]


TLS = "Python's defaults; for client certificates, use a proxy in front"
SETTINGS = "Django's settings"
LOGGING = "use the setting `LOGGING`"
STARTS = "left to what starts the server: systemd, a container, supervisor"
NOT_YET = "there is nothing like it yet"
