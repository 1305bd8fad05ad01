"""A server that listens in this process, on a loop that lasts for all examples of a test."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from compat_tests.clients.raw_connection import RawConnection
from compat_tests.engine import DEADLINE, Engine, until

T = TypeVar("T")

#: Times that a client lets the server go on before the next piece. Where that is too short for the
#: server to have read one piece, it reads two at once, which must be the same to it.
TURNS = 3

#: The same before the end, so that the server has decided on most handshakes by then.
LAST_TURNS = 30


class Listener:
    """Serves an application, and writes down what must not happen.

    Args:
        application: of ASGI.
        options: of the server.

    Attributes:
        surprises: errors and tracebacks, of the log or of the loop.
    """

    def __init__(self, application: Any, **options: Any) -> None:
        self.surprises: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: self.surprises.append(str(context)))
        self._log = Errors(self.surprises)
        logging.getLogger().addHandler(self._log)
        self._visits = 0
        self.engine = self.run(self._serve(application, options))

    async def _serve(self, application: Any, options: dict[str, Any]) -> Engine:
        engine = Engine(application, access_log=False, **options)
        await engine.start()
        return engine

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(asyncio.wait_for(coroutine, DEADLINE))

    def close(self) -> None:
        """End the engine and its event loop."""
        self.run(self.engine.stop())
        self._loop.close()
        logging.getLogger().removeHandler(self._log)

    async def say_hello(self) -> None:
        """Be a good client."""
        self._visits += 1
        async with self.engine.connect() as client:
            await client.send("hello")
            assert await client.recv() == "hello"

    async def talk(self, pieces: Iterable[bytes], **options: bool) -> bytes:
        """Be any client; see ``talk()``."""
        self._visits += 1
        return await talk(self.engine.port, pieces, **options)

    async def rest(self) -> None:
        """Wait until nobody is served; nothing may be left then, and nothing have gone wrong."""
        context = self.engine.context
        await until(lambda: self.engine.lost == self._visits)
        await until(lambda: not context.tasks)
        assert not context.connections
        assert not context.refusals
        assert context.counters.open == 0
        assert not self.surprises


class Errors(logging.Handler):
    """Takes those that are logged."""

    def __init__(self, surprises: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._surprises = surprises

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self._surprises.append(logging.Formatter().format(record))


async def talk(
    port: int, pieces: Iterable[bytes], *, abort: bool = False, until_closed: bool = False
) -> bytes:
    """Send pieces to a port, and return what comes until the connection ends.

    Args:
        abort: end it abruptly, otherwise by closing our side.
        until_closed: leave that to the server.
    """
    with contextlib.suppress(OSError):  # the server has had enough
        async with RawConnection(f"127.0.0.1:{port}") as client:
            for piece in pieces:
                client.write(piece)
                await client.drain()
                await give_way(TURNS)
            await give_way(LAST_TURNS)
            if abort:
                client.abort()
            elif not until_closed:
                client.write_eof()
            return await client.read()
    return b""


async def give_way(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Divide data at places, of which those beyond its end count from its beginning again."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in zip(ends, ends[1:], strict=False)]
