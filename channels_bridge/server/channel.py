"""The socket pair between the supervisor and one child process.

Down go accepted connections, each a byte with a file descriptor (SCM_RIGHTS). Up go one-byte
reports: ready, a connection was lost, or a failure whose text is the rest of the stream. Its end
tells each side that the other is gone.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

_CONNECTION = b"+"
_READY = b"r"
_LOST = b"-"
_FAILED = b"!"


def channel_pair() -> tuple[SupervisorEnd, socket.socket]:
    """The supervisor's end, and the socket that the child makes a :class:`ChildEnd` of."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return SupervisorEnd(ours), theirs


class SupervisorEnd:
    """What the supervisor knows of a child.

    Attributes:
        ready: the child serves.
        connections: those passed to the child less those that it reported lost.
        closed: the child has closed its end, or died.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.ready = False
        self.connections = 0
        self.closed = False
        self._failure = b""

    def pass_connection(self, connection: socket.socket) -> bool:
        """Hand over a connection. False when the child is gone, or lags and its queue is full."""
        try:
            socket.send_fds(self.sock, [_CONNECTION], [connection.fileno()])
        except OSError:
            return False
        self.connections += 1
        return True

    def read(self) -> bool:
        """Take in what the child reported. Returns whether there may be more."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.closed, self.ready = True, False
            return False
        if not self._failure:
            reports, failed, text = data.partition(_FAILED)
            self.ready = self.ready or _READY in reports
            self.connections -= reports.count(_LOST)
            data = failed + text
        self._failure += data
        return True

    @property
    def failure(self) -> str:
        """Why the child can't serve, in one line; empty while nothing is known."""
        return self._failure.removeprefix(_FAILED).decode(errors="replace")

    def close(self) -> None:
        self.sock.close()


class ChildEnd:
    """How a child reports, and where a worker gets its connections from."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._unsent = b""  # reports that found the socket full; they go with the next

    def ready(self) -> None:
        self._report(_READY)

    def lost(self) -> None:
        self._report(_LOST)

    def failed(self, message: str) -> None:
        """The last report of a child that can't serve."""
        self.sock.setblocking(True)
        with contextlib.suppress(OSError):
            self.sock.sendall(self._unsent + _FAILED + message.encode(errors="replace"))

    def connections(self) -> Iterator[socket.socket]:
        """Those that wait to be served.

        Raises:
            EOFError: the supervisor is gone.
        """
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.sock, 1, 1)
            except BlockingIOError:
                return
            except OSError:
                raise EOFError from None
            if not data:
                raise EOFError
            for fd in fds:
                yield socket.socket(fileno=fd)

    def _report(self, report: bytes) -> None:
        self._unsent += report
        with contextlib.suppress(OSError):  # full: the supervisor lags; gone: nobody to tell
            self._unsent = self._unsent[self.sock.send(self._unsent) :]
