"""The server's private socket, where ``manage.py websockets_status`` asks what goes on.

A client sends one line of JSON, an object, gets one back, and that is all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from channels_bridge.server.child.questions import Message
from channels_bridge.server.errors import BindError
from channels_bridge.server.listening_socket import Listener, explain, listen_privately
from channels_bridge.server.monitoring.streams import serving_streams

logger = logging.getLogger("channels_bridge.server")

#: Seconds that a client has to say what it wants.
PATIENCE = 5.0

#: Bytes of a question. Workers are asked the same, and read 64 KiB: it may be thrice as long then,
#: as JSON has characters that aren't ASCII.
MAX_QUESTION = 16 * 1024

Answer = Callable[[Message], Awaitable[Message]]


@contextlib.asynccontextmanager
async def serving_control_socket(
    path: Path, answer: Answer, *, required: bool = True
) -> AsyncIterator[None]:
    """Answer questions on a socket that only this user can connect to, until the block ends.

    Args:
        required: whether it is an error that the socket can't be made.

    Raises:
        BindError: it can't, and is required.
    """
    try:
        listener = _listen(path)
    except OSError as error:
        if required:
            raise BindError(f"unix:{path}", f"{explain(error)} (--control)") from None
        logger.warning("websockets_status will not find this server: %s: %s", path, error)
        yield
        return
    async with serving_streams([listener], _ControlSocket(answer).converse, limit=MAX_QUESTION):
        yield


def _listen(path: Path) -> Listener:
    path.unlink(missing_ok=True)  # of a server that was killed, and had our process id
    return listen_privately(str(path))


class _ControlSocket:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))
        except ValueError:
            return  # not a command of ours
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
    try:
        message: Message = json.loads(line)
    except ValueError:
        raise NoAnswer(f"what answers at {path} is no server of this package") from None
    return message
