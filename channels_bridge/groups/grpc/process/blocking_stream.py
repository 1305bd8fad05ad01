"""A stream to the hub that blocks the thread which uses it: without an event loop.

It stands after a fork as well as before, and on greenlets: all that it has is a unix socket, which
gevent and eventlet patch like any other.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from collections import deque
from pathlib import Path

from channels_bridge.groups.grpc.http2.client_call import ClientCall

#: Bytes to read at a time.
READ_SIZE = 65_536

#: The longest message that is read, in bytes; the hub's answers are far shorter.
MAX_MESSAGE = 64 * 1024 * 1024


class BlockingStream:
    """One connection to the hub. It is used by one thread at a time, which closes it on errors.

    Args:
        path: of the hub's socket.
        method: of gRPC.
        deadline: of connecting, in ``time.monotonic()``.
        goodbye: a message that is written before this is closed, also where the process ends.

    Raises:
        OSError: nobody listens there.
    """

    def __init__(self, path: Path, method: str, deadline: float, goodbye: bytes) -> None:
        self._socket = connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_until(deadline))
            connection.connect(os.fspath(path))
        except BaseException:
            connection.close()
            raise
        self._call = call = ClientCall(method, max_message=MAX_MESSAGE)
        self._messages: deque[bytes] = deque()
        # It is called at the end of the process, too, and where nobody has this any more.
        self.close = weakref.finalize(self, _close, connection, call, goodbye, os.getpid())

    def write(self, message: bytes, deadline: float) -> None:
        """Write a message, waiting while the hub doesn't read.

        Raises:
            OSError: that fails, or takes too long. The stream can't be used any more.
        """
        self._call.send(message)
        self._flush(deadline)
        while self._call.has_unsent:
            self._read_some(deadline)

    def read(self, deadline: float) -> bytes:
        """Return the next message.

        Raises:
            TimeoutError: there is none. The stream may be used further.
            OSError: the stream is broken, or has been ended by the hub.
        """
        while not self._messages:
            self._read_some(deadline)
        return self._messages.popleft()

    def look(self) -> None:
        """Take what is there already, without waiting.

        Raises:
            OSError: the stream is broken, or has been ended by the hub.
        """
        with contextlib.suppress(BlockingIOError, TimeoutError):
            while True:
                self._take(self._receive(0))

    def _read_some(self, deadline: float) -> None:
        self._take(self._receive(_until(deadline)))
        self._flush(deadline)

    def _receive(self, seconds: float) -> bytes:
        if self._call.is_over:
            raise ConnectionError("the hub has ended the connection")
        self._socket.settimeout(seconds)
        return self._socket.recv(READ_SIZE)

    def _take(self, data: bytes) -> None:
        if not data:
            raise ConnectionError("the hub has closed the connection")
        self._messages += self._call.receive(data)

    def _flush(self, deadline: float) -> None:
        self._call.is_torn = True  # a signal handler may raise anywhere from here
        output = self._call.take_output()
        if output:
            self._socket.settimeout(_until(deadline))
            try:
                self._socket.sendall(output)
            except TimeoutError:
                raise ConnectionError("the hub doesn't read") from None
        self._call.is_torn = False


def _close(connection: socket.socket, call: ClientCall, goodbye: bytes, pid: int) -> None:
    """Disconnect; in a forked child, which has a copy, without a word to the hub."""
    with contextlib.suppress(OSError), connection:
        # Within a message, the hub would take it for the rest of that.
        if pid == os.getpid() and not (call.has_unsent or call.is_torn):
            connection.settimeout(0)
            call.send(goodbye)
            connection.sendall(call.take_output())


def _until(deadline: float) -> float:
    """Seconds that are left; never 0, by which sockets mean something else."""
    return max(deadline - time.monotonic(), 0.001)
