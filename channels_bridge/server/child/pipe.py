"""The socket pair between the supervisor and one child: connections down, reports up.

Down go accepted connections, each a byte with a file descriptor (SCM_RIGHTS), and at most once a
byte that says that another child has taken this one's place (graceful reload). Up go one-byte
reports: ready, stopping, a heartbeat, a connection was lost, one was dropped for want of a
descriptor, worn and by what, or a failure whose text is the rest of the stream. Its end tells each
side that nothing more will come: the other is gone, or has heard that the child is stopping.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.rate_limited_log import Notices

logger = logging.getLogger("channels_bridge.server")

_CONNECTION = b"+"
_RETIRE = b"."
_READY = b"r"
_STOPPING = b"s"
_LOST = b"-"
_DROPPED = b"d"
_BEAT = b"h"
_FAILED = b"!"

#: Why a child asks to be replaced.
_WEAR = {"requests": b"n", "memory": b"m"}

_NO_DESCRIPTOR = "no file descriptor is left (ulimit -n)"

#: Steps without a report (see ``hang_watch.py``) after which a child gets no new connections.
LATE = 3

#: Seconds for which a child that has dropped a connection gets no others. Load balancing would give
#: it all of them, as it keeps none and so has the fewest.
REST = 1.0


def channel_pair() -> tuple[SupervisorEnd, socket.socket]:
    """The supervisor's end, and the socket that the child makes a ``ChildEnd`` of."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return SupervisorEnd(ours), theirs


class SupervisorEnd:
    """The supervisor's end: passes connections on, and keeps what the child has reported.

    Attributes:
        ready: the child serves.
        stopping: the child takes no more connections; it ends by itself.
        wear: why the child should be replaced, ``requests`` or ``memory``; empty as long as it
            serves well.
        connections: those passed to the child less those that it reported lost.
        silence: steps since its last report, which the supervisor counts.
        closed: the child has closed its end, or died.
    """

    def __init__(self, sock: socket.socket) -> None:
        keep_from_children(sock)
        sock.setblocking(False)
        self.sock = sock
        self.ready = False
        self.stopping = False
        self.wear = ""
        self.connections = 0
        self.silence = 0
        self.closed = False
        self._rests_until = 0.0  # in time.monotonic()
        self._failure = b""

    def pass_connection(self, connection: socket.socket) -> bool:
        """Pass a connection on. False when the child is gone, or lags and its queue is full.

        The caller closes its own descriptor: the child has a duplicate.
        """
        try:
            socket.send_fds(self.sock, [_CONNECTION], [connection.fileno()])
        except OSError:
            return False
        self.connections += 1
        return True

    def retire(self) -> bool:
        """Let the child finish what it has, then end; nothing more will be passed.

        Returns:
            False when it can't be told: it is gone, or lags and its queue is full.
        """
        try:
            self.sock.send(_RETIRE)
        except OSError:
            return False
        self._let_go()
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
        self.silence = 0
        if not self._failure:  # else all that follows is text
            reports, failed, text = data.partition(_FAILED)
            self._take(reports)
            data = failed + text
        self._failure += data
        return True

    def _take(self, reports: bytes) -> None:
        """Keep what the reports say, a byte each."""
        self.ready = self.ready or _READY in reports
        if _STOPPING in reports:
            self._let_go()
        self.wear = next((why for why in _WEAR if _WEAR[why] in reports), self.wear)
        self.connections -= reports.count(_LOST) + reports.count(_DROPPED)
        if _DROPPED in reports:
            self._rests_until = time.monotonic() + REST

    @property
    def serving(self) -> bool:
        """Whether the child's event loop runs, to its knowledge and ours."""
        return self.ready or self.stopping

    @property
    def available(self) -> bool:
        """Whether the child is fit to be given a connection."""
        return self.ready and self.silence < LATE and time.monotonic() >= self._rests_until

    def _let_go(self) -> None:
        """Pass nothing on any more.

        The end-of-file comes behind the connections that are under way, so that the child knows
        when it has taken them all: none is lost in a reload.
        """
        self.ready, self.stopping = False, True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    @property
    def failure(self) -> str:
        """Why the child can't serve, in one line; empty while nothing is known."""
        return self._failure.removeprefix(_FAILED).decode(errors="replace")

    def close(self) -> None:
        self.sock.close()


class ChildEnd:
    """The child's end: reports, and takes the connections that it is to serve.

    Attributes:
        answers: where the supervisor's questions come in; see ``questions.py``.
        retired: another child has taken this one's place.
    """

    def __init__(self, sock: socket.socket, answers: socket.socket) -> None:
        keep_from_children(sock, answers)
        sock.setblocking(False)
        self.sock = sock
        self.answers = answers
        self.retired = False
        self._notices = Notices(logger)
        self._unsent = b""  # reports that found the socket full

    def ready(self) -> None:
        self._report(_READY)

    def stopping(self) -> None:
        """From now on nothing new is passed; the end of the stream follows."""
        self._report(_STOPPING)

    def lost(self) -> None:
        self._report(_LOST)

    def beat(self) -> None:
        self._report(_BEAT)

    def worn(self, why: str) -> None:
        """Another should take this one's place; see ``SupervisorEnd.wear``."""
        self._report(_WEAR[why])

    def failed(self, message: str) -> None:
        """The last report of a child that can't serve."""
        self.sock.setblocking(True)
        with contextlib.suppress(OSError):
            self.sock.sendall(self._unsent + _FAILED + message.encode(errors="replace"))

    def connections(self) -> Iterator[socket.socket]:
        """Take the connections that have been passed so far.

        Raises:
            EOFError: no more will come.
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
            if data == _RETIRE:
                self.retired = True
                continue
            if not fds:  # the kernel closed it: there was no descriptor left for it
                self._notices.warn("descriptors", "a connection was dropped: %s", _NO_DESCRIPTOR)
                self._report(_DROPPED)
            for fd in fds:
                os.set_inheritable(fd, False)
                yield socket.socket(fileno=fd)

    def _report(self, report: bytes) -> None:
        self._unsent += report
        if len(self._unsent) == len(report):
            self._send()

    def _send(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            pass  # the supervisor lags: none is left out, as it counts connections by them
        except OSError:
            self._unsent = b""  # it is gone: there is nobody to tell
        if self._unsent:
            loop.add_writer(self.sock, self._send)
        else:
            loop.remove_writer(self.sock)
