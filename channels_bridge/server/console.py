"""The server's private socket, where ``manage.py websockets_status`` asks what goes on.

A client sends one line of JSON, an object, gets one back, and that is all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from .errors import BindError
from .questions import Message
from .streams import serving_streams

#: Seconds that a client has to say what it wants.
PATIENCE = 5.0

#: Bytes of a question.
MAX_QUESTION = 4096

Answer = Callable[[Message], Awaitable[Message]]


@contextlib.asynccontextmanager
async def serving_console(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Answer who connects to a socket at ``path``, which only this user can do, until the end.

    Raises:
        BindError: the socket can't be made.
    """
    with _listening(path) as sock:
        async with serving_streams([sock], _Console(answer).converse, limit=MAX_QUESTION):
            yield


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    sock = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)  # of a server that was killed, and had our process id
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise BindError(f"unix:{path}", error.strerror or str(error)) from None
    finally:
        os.umask(mask)
    sock.listen()
    try:
        yield sock
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


class _Console:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))
        except ValueError:
            return  # no command of ours
        writer.write(json.dumps(await self._answer(question)).encode() + b"\n")
        await writer.drain()


class NoAnswer(Exception):
    """There is no server behind a socket, or it is stuck. The message says which."""


def ask(path: Path, question: Message, timeout: float) -> Message:
    """Ask the server whose socket is at ``path``.

    Raises:
        NoAnswer: it doesn't answer within ``timeout`` seconds.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(question).encode() + b"\n")
            with sock.makefile("rb") as stream:
                line = stream.readline()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoAnswer(f"no server runs at {path}") from None
        except OSError as error:
            raise NoAnswer(f"the server at {path} doesn't answer ({error})") from None
    if not line:
        raise NoAnswer(f"the server at {path} has ended")
    message: Message = json.loads(line)
    return message


def is_listened_to(path: Path) -> bool:
    """Whether there is a server behind a socket, and not just what a killed one has left."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.connect(str(path))
        except TimeoutError:
            return True  # it is stuck
        except OSError:
            return False
    return True
