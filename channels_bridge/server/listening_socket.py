"""A listening socket: its URL, its restoration and its end."""

from __future__ import annotations

import errno
import logging
import socket
from typing import Any

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.unix_sockets import SocketFile, open_unix

logger = logging.getLogger("channels_bridge.server")

#: Mode of a unix socket whose web server in front runs as another user, as Daphne's and uvicorn's.
PUBLIC = 0o666

#: Mode of one that only this user may connect to.
PRIVATE = 0o600


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
            self._complain(f"unix:{path} was removed, and cannot be made again: {explain(error)}")
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


def listen_privately(path: str) -> Listener:
    """Listen at a path where nothing is, for this user only. Raises OSError."""
    return Listener(open_unix(path, PRIVATE), path, PRIVATE)


#: Of an address that no interface has, or none of a family that is turned off, as IPv6 may be.
NOT_HERE = (
    "it is not an address of this machine; write one that it has, or :PORT for every interface"
)

_REASONS = {
    errno.EADDRINUSE: "another server listens there; stop it or choose another address",
    errno.EADDRNOTAVAIL: NOT_HERE,
    errno.EAFNOSUPPORT: NOT_HERE,
    errno.EACCES: "this user may not; choose a directory that it may write to",
    errno.EPERM: "this user may not; choose a directory that it may write to",
    errno.ENOENT: "its directory does not exist; create it or choose another",
    errno.ENOTDIR: "its parent is not a directory; choose another path",
}


#: Where a port is refused, which root alone may have.
_LOW_PORT = (
    "this user may not; choose a port above 1023, with a proxy in front, or write "
    "AmbientCapabilities=CAP_NET_BIND_SERVICE into the systemd unit"
)


def explain(error: OSError, *, tcp: bool = False) -> str:
    """Why a socket can't be listened on, and what to do about it."""
    code = error.errno or 0
    if tcp and code == errno.EACCES:
        return _LOW_PORT
    return _REASONS.get(code) or error.strerror or str(error)
