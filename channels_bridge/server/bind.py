"""Addresses to listen on, as options have them.

An address is ``HOST:PORT``, ``:PORT``, ``[v6]:PORT``, ``unix:/path`` or ``fd:N``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from channels_bridge.common.address_hints import address_meant
from channels_bridge.common.unix_sockets import MAX_PATH
from channels_bridge.server.errors import BindError

#: As Daphne's, uvicorn's and gunicorn's.
DEFAULT_PORT = 8000

#: The largest file descriptor: a C int.
MAX_FD = 2**31 - 1

#: What a malformed address is answered with where there is no better hint.
FORMS = "write HOST:PORT, :PORT, [IPV6]:PORT, unix:/path or fd:N"


@dataclass(frozen=True)
class TcpBind:
    """A port of a host or of an interface; ``host`` is empty for every interface."""

    text: str
    host: str
    port: int


@dataclass(frozen=True)
class UnixBind:
    """A unix socket; ``path`` is absolute."""

    text: str
    path: str


@dataclass(frozen=True)
class FdBind:
    """A listening socket inherited from systemd, supervisor or a shell."""

    text: str
    fd: int


Bind = TcpBind | UnixBind | FdBind


def parse_bind(text: str) -> Bind:
    """Read one address.

    Raises:
        BindError: it has none of the forms above.
    """
    try:
        return _parse(text)
    except BindError as error:
        meant = address_meant(text, DEFAULT_PORT)
        if meant is None or not _is_one(meant.write):
            raise
        hint = f", or :{text} for every interface" if text.isdecimal() else ""
        raise BindError(error.bind, f"{meant.why}; write {meant.write}{hint}") from None


def _is_one(text: str) -> bool:
    try:
        _parse(text)
    except BindError:
        return False
    return True


def _parse(text: str) -> Bind:
    if not text.isprintable():  # no path or host has a line break or NUL for a reason
        raise BindError(ascii(text), f"it has characters that can't be shown; {FORMS}")
    scheme, _, rest = text.partition(":")
    if scheme == "unix":
        return _parse_unix(text, rest)
    if scheme == "fd":
        return FdBind(text, _parse_number(text, rest, "file descriptor", MAX_FD))
    return _parse_tcp(text)


def parse_binds(texts: Iterable[str]) -> tuple[Bind, ...]:
    """Read several addresses.

    Raises:
        BindError: one is malformed, or given twice (port 0, "any free port", may be).
    """
    binds: list[Bind] = []
    for bind in map(parse_bind, texts):
        anonymous = isinstance(bind, TcpBind) and bind.port == 0
        if not anonymous and any(_same_place(bind, other) for other in binds):
            raise BindError(bind.text, "it is given twice; remove one of them")
        binds.append(bind)
    return tuple(binds)


def _same_place(bind: Bind, other: Bind) -> bool:
    match bind, other:
        case TcpBind(), TcpBind():
            return (bind.host, bind.port) == (other.host, other.port)
        case UnixBind(), UnixBind():
            return os.path.realpath(bind.path) == os.path.realpath(other.path)
        case FdBind(), FdBind():
            return bind.fd == other.fd
    return False


def _parse_unix(text: str, path: str) -> UnixBind:
    if not path:
        raise BindError(text, "the path is missing; write unix:/path/to.sock")
    size = len(os.fsencode(os.path.abspath(path)))
    if size > MAX_PATH:
        raise BindError(
            text, f"the path has {size} bytes, a unix socket's may have {MAX_PATH}; shorten it"
        )
    return UnixBind(text, os.path.abspath(path))


def _parse_tcp(text: str) -> TcpBind:
    host, colon, port = text.rpartition(":")
    if not colon or host == "*" or text != text.strip():
        raise BindError(text, FORMS)
    if host == "[]":  # which would be every interface, without the brackets
        raise BindError(text, f"the brackets are empty; for every interface write :{port}")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise BindError(text, FORMS)
    host = host[1:-1] if bracketed else host
    return TcpBind(text, host, _parse_number(text, port, "port number", 65535))


def _parse_number(text: str, digits: str, what: str, limit: int) -> int:
    written = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(limit))
    if not written or int(digits) > limit:
        raise BindError(text, f"{digits!r} is not a {what}; {FORMS}")
    return int(digits)
