"""Questions of the supervisor to a running child, and its answers, over a socket pair.

A question is a line of JSON, an object with a ``number``; its answer is another with the same
number. A child may also leave a last word, which has no number, just before it ends.

The supervisor waits for a deadline at most: a child that is stuck answers late or never. A late
answer is kept as what was heard last, which is better for figures than none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from channels_bridge.common.forks import keep_from_children

logger = logging.getLogger("channels_bridge.server")

Message = dict[str, Any]
"""A JSON object."""

Answer = Callable[[Message], Awaitable[Message]]


def question_pair() -> tuple[Questions, socket.socket]:
    """The supervisor's end, and the socket that the child answers on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Questions(ours), theirs


class Questions:
    """The supervisor's end.

    Attributes:
        last: the last answer or word that was heard; None before the first.
    """

    def __init__(self, sock: socket.socket) -> None:
        keep_from_children(sock)
        sock.setblocking(False)
        self.last: Message | None = None
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._unread = b""
        self._is_over = False  # whether the child has closed its end
        self._loop.add_reader(sock, self._readable)

    async def ask(self, question: Message, timeout: float) -> Message | None:
        """Ask, and wait for at most ``timeout`` seconds. Returns the answer; None if none came."""
        self._number += 1
        number = self._number
        line = json.dumps({**question, "number": number}).encode() + b"\n"
        answered = self._waiting[number] = self._loop.create_future()
        try:
            # Too short to be sent in part, unless nothing has been read for thousands of questions.
            if self._sock.send(line) == len(line):
                await asyncio.wait([answered], timeout=timeout)
        except OSError:
            pass  # gone, or stuck for long
        finally:
            del self._waiting[number]
        return answered.result() if answered.done() else None

    def close(self) -> None:
        """The child has ended: hear its last word."""
        while self._read():
            pass
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _readable(self) -> None:
        self._read()
        if self._is_over:  # a loop may also look where nothing has come
            self._loop.remove_reader(self._sock)

    def _read(self) -> bool:
        """Take in what the child said. Returns whether it may say more."""
        try:
            data = self._sock.recv(2**20)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self._is_over = not data
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))
        return bool(data)

    def _hear(self, message: Message) -> None:
        answered = self._waiting.get(message.pop("number", 0))
        self.last = message
        if answered is not None and not answered.done():
            answered.set_result(message)


@contextlib.asynccontextmanager
async def answering(sock: socket.socket, answer: Answer) -> AsyncIterator[None]:
    """Answer the supervisor's questions, on the running loop, until the block ends.

    Args:
        sock: the child's end.
        answer: awaited with a question; with an empty one for the last word.
    """
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    task = asyncio.create_task(_answer(reader, writer, answer))
    try:
        yield
        await _say(writer, answer, {})
    finally:
        task.cancel()
        await asyncio.wait([task])
        writer.close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
) -> None:
    while line := await reader.readline():
        question = json.loads(line)
        await _say(writer, answer, question, number=question.pop("number"))


async def _say(
    writer: asyncio.StreamWriter, answer: Answer, question: Message, **number: int
) -> None:
    try:
        message = await answer(question)
    except Exception:  # the edge: a worker goes on serving whose figures can't be had
        logger.exception("cannot answer the supervisor: %s", question)
        return
    with contextlib.suppress(OSError):  # the supervisor is gone
        writer.write(json.dumps({**message, **number}).encode() + b"\n")
        await writer.drain()
