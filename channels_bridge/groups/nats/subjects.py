"""Subjects: what topics and queues are called in NATS.

A subject is a line of tokens with dots in between, and ``*`` and ``>`` are its wildcards. So a name
becomes one token, of letters, digits and ``- _ / =`` only: no name can reach into what isn't its
own, or end a line of the protocol. Dots, which are usual in names of groups, become slashes; any
other character becomes its number, hexadecimal, between two ``=``.
"""

from __future__ import annotations

import re

#: The topics that a name follows: of groups, of a process' channels, of questions, and of the
#: acknowledgements for one process.
KINDS = ("g", "p", "q", "a")

#: The topics of everybody: of emptying a layer, and of queues that are bound to topics.
BINDINGS = "bindings:"
SINGLE = ("flush:", BINDINGS)

#: How long a token may be: more than a name of 100 characters ever needs. A node takes lines of
#: 4,096 bytes.
MAX_TOKEN = 800

_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_ODD = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_ESCAPED = re.compile(r"=([0-9a-f]+)=|/")
_EMPTY = "=="


def token(name: str) -> str:
    """Return a name as one token of a subject; no two names have the same.

    Raises:
        ValueError: the name is too long.
    """
    text = _ODD.sub(_escape, name) or _EMPTY
    if len(text) > MAX_TOKEN:
        raise ValueError(
            f"{name[:50]!r}... is too long a name for NATS: choose one of at most "
            f"{MAX_TOKEN} letters, digits, hyphens, underscores and dots"
        )
    return text


def name_of(token: str) -> str:
    """Return the name that a token stands for."""
    return "" if token == _EMPTY else _ESCAPED.sub(_unescape, token)


class Subjects:
    """The subjects of one process in one project.

    Args:
        prefix: the first token of all subjects; projects with different ones never meet.
        identity: the process' own, for subjects that only it listens to.

    Raises:
        ValueError: the prefix isn't made of 1 to 100 letters, digits, hyphens and underscores.
    """

    def __init__(self, prefix: str, identity: bytes) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(
                f"prefix must be 1 to 100 letters, digits, hyphens and underscores, "
                f"such as 'mysite-staging', not {prefix!r}"
            )
        self.prefix = prefix
        self.control = f"{prefix}.x"  # what concerns all processes
        self.own_control = self.control_of(identity)
        self.reply_prefix = f"{prefix}.i.{identity.hex()}"
        self.all_queues = f"{prefix}.w.>"
        self.given_back = f"{prefix}.n"  # notices: something was given back to a queue
        self.stream = f"{prefix}-queues"
        self.bindings = f"{prefix}-bindings"
        self.all_bindings = f"{prefix}.k.>"

    def topic(self, topic: str) -> str:
        """Return the subject of a topic.

        Raises:
            ValueError: it is no topic, or its name is too long.
        """
        kind, colon, name = topic.partition(":")
        if kind in KINDS and colon:
            return f"{self.prefix}.{kind}.{token(name)}"
        if topic in SINGLE:
            return f"{self.prefix}.{topic[:-1]}"
        raise ValueError(f"{topic!r} is no topic: begin it with {', '.join(KINDS)} and a colon")

    def control_of(self, identity: bytes) -> str:
        """Return the subject of what concerns one process only."""
        return f"{self.prefix}.c.{identity.hex()}"

    def queue(self, name: str, capacity: int) -> str:
        """Return the subject of a named queue of which ``capacity`` payloads may wait."""
        return f"{self.prefix}.w.{capacity}.{token(name)}"

    def binding(self, topic: str, queue: str) -> str:
        """Return the subject under which the binding of a queue to a topic is stored."""
        return f"{self.prefix}.k.{token(topic)}.{token(queue)}"


def acknowledgements_of(identity: bytes) -> str:
    """Return the topic of the acknowledgements for one process."""
    return f"a:{identity.hex()}"


def _escape(match: re.Match[str]) -> str:
    return "/" if match[0] == "." else f"={ord(match[0]):x}="


def _unescape(match: re.Match[str]) -> str:
    return "." if match[0] == "/" else chr(int(match[1], 16))
