"""Listening sockets: addresses as options have them, and what is opened for them.

An address is ``HOST:PORT``, ``:PORT``, ``[v6]:PORT``, ``unix:/path`` or ``fd:N``.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from channels_bridge.common.address_hints import address_meant
from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.unix_sockets import BACKLOG, MAX_PATH, SocketFile, open_unix
from channels_bridge.server.errors import BindError

logger = logging.getLogger("channels_bridge.server")

#: Mode of a unix socket whose web server in front runs as another user, as Daphne's and uvicorn's.
PUBLIC = 0o666

#: Mode of one that only this user may connect to.
PRIVATE = 0o600

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
            raise BindError(bind.text, "it is given twice")
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
    return TcpBind(text, host, _parse_number(text, port, "port", 65535))


def _parse_number(text: str, digits: str, what: str, limit: int) -> int:
    written = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(limit))
    if not written or int(digits) > limit:
        raise BindError(text, f"{digits!r} is not a {what}; {FORMS}")
    return int(digits)


class Listener:
    """A listening socket and what is to be done with it at the end.

    Args:
        path: of a unix socket whose file is the server's: it is removed at the end.
        mode: of that file.

    Attributes:
        sock: non-blocking and listening.
    """

    def __init__(self, sock: socket.socket, path: str | None = None, mode: int = PRIVATE) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._file = SocketFile(path) if path is not None else None
        self._mode = mode
        self._trouble = ""

    def __getstate__(self) -> dict[str, Any]:
        """For a program that inherits the socket under the same number."""
        return {**vars(self), "sock": self.sock.fileno()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, sock=socket.socket(fileno=state["sock"]))
        self.sock.setblocking(False)
        keep_from_children(self.sock)

    def url(self, scheme: str = "http") -> str:
        """Return where to reach it, for the person who started the server."""
        if self.sock.family == socket.AF_UNIX:
            return f"unix:{self.sock.getsockname()}"
        host, port = self.sock.getsockname()[:2]
        place = f"[{host}]:{port}" if self.sock.family == socket.AF_INET6 else f"{host}:{port}"
        return f"{scheme}://{place}/"

    def restore(self) -> bool:
        """Listen again where the socket's file was removed. Returns whether ``sock`` is new.

        The one before it is the caller's to close.
        """
        if self._file is None or not self._file.is_lost():
            return False
        path = self._file.path
        try:
            self._file.make_directory()
            sock = open_unix(path, self._mode)
        except OSError as error:
            self._complain(f"unix:{path} was removed, and cannot be made again: {_explain(error)}")
            return False
        logger.warning("unix:%s was removed; it is made again", path)
        self._trouble = ""
        sock.setblocking(False)
        self.sock = sock
        self._file = SocketFile(path)
        return True

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            logger.error("%s", trouble)

    def close(self) -> None:
        """Stop listening, and remove the socket file unless another server has replaced it."""
        self.sock.close()
        if self._file is not None:
            self._file.remove()


def listen(binds: Iterable[Bind]) -> list[Listener]:
    """Open every address, or none.

    Raises:
        BindError: one is taken, forbidden, unknown or not a listening socket.
    """
    listeners: list[Listener] = []
    try:
        for bind in binds:
            listeners.extend(_listen(bind))
    except BindError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listen(bind: Bind) -> list[Listener]:
    match bind:
        case TcpBind():
            return _listen_tcp(bind)
        case UnixBind():
            return [_listen_unix(bind)]
        case FdBind():
            return [_listen_fd(bind)]


def _listen_tcp(bind: TcpBind) -> list[Listener]:
    """Listen on all addresses of the host name, as asyncio's ``create_server()`` does."""
    try:
        infos = socket.getaddrinfo(
            bind.host or "0.0.0.0", bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError):
        raise BindError(bind.text, f"the host name {bind.host!r} is unknown here") from None
    listeners: list[Listener] = []
    port = bind.port
    for family, *_, address in dict.fromkeys(infos):
        try:
            sock = _open_tcp(family, (address[0], port, *address[2:]))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(infos) > 1:
                continue  # a name for IPv4 and IPv6 on a machine without one of them
            for listener in listeners:
                listener.close()
            raise BindError(bind.text, _explain(error)) from None
        port = sock.getsockname()[1]  # port 0 became a number: the same for each address
        listeners.append(Listener(sock))
    if not listeners:
        raise BindError(bind.text, f"{bind.host!r} is not an address of this machine")
    return listeners


def _open_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT is free, for a restart.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # IPv4 has a socket of its own, which could not have the port otherwise.
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _listen_unix(bind: UnixBind) -> Listener:
    _remove_stale(bind)
    try:
        sock = open_unix(bind.path, PUBLIC)
    except OSError as error:
        raise BindError(bind.text, _explain(error)) from None
    return Listener(sock, bind.path, PUBLIC)


def listen_privately(path: str) -> Listener:
    """Listen at a path where nothing is, for this user only. Raises OSError."""
    return Listener(open_unix(path, PRIVATE), path, PRIVATE)


def _remove_stale(bind: UnixBind) -> None:
    """Remove the socket file of a server that is gone, and nothing else."""
    try:
        mode = os.stat(bind.path).st_mode
    except OSError:
        return  # nothing there; what else is wrong, bind() tells
    if not stat.S_ISSOCK(mode):
        raise BindError(
            bind.text, "there is a file that is not a socket; remove it or choose another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(bind.path)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(bind.path)
        except (TimeoutError, BlockingIOError):  # its backlog is full
            raise BindError(bind.text, "a busy server listens there; choose another path") from None
        except OSError as error:
            raise BindError(bind.text, _explain(error)) from None
        else:
            raise BindError(
                bind.text, "another server listens there; stop it or choose another path"
            )


def _listen_fd(bind: FdBind) -> Listener:
    try:
        sock = socket.socket(fileno=bind.fd)
    except OSError as error:
        raise BindError(
            bind.text, f"it is not an open socket ({os.strerror(error.errno or 0)})"
        ) from None
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        sock.detach()  # it isn't ours to close
        raise BindError(bind.text, "it is not a listening stream socket; pass one that listens")
    return Listener(sock)


_REASONS = {
    errno.EADDRINUSE: "another server listens there; stop it or choose another address",
    errno.EADDRNOTAVAIL: "it is not an address of this machine",
    errno.EACCES: "this user may not; choose a port above 1023 or a directory that it may write to",
    errno.EPERM: "this user may not; choose a directory that it may write to",
    errno.ENOENT: "its directory does not exist; create it or choose another",
    errno.ENOTDIR: "its parent is not a directory; choose another path",
}


def _explain(error: OSError) -> str:
    code = error.errno or 0
    return _REASONS.get(code, os.strerror(code))
