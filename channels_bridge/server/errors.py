"""Errors that keep a server from starting.

StartupError            a sentence for the person who started the server
└── BindError           an address that cannot be listened on
"""

from __future__ import annotations


class StartupError(Exception):
    """The server cannot start; the message says why and what to write instead, in one line."""


class BindError(StartupError):
    """An address cannot be listened on.

    Attributes:
        bind: the address as the user wrote it.
        why: what is wrong with it and what to do.
    """

    def __init__(self, bind: str, why: str) -> None:
        super().__init__(f"cannot listen on {bind}: {why}")
        self.bind = bind
        self.why = why
