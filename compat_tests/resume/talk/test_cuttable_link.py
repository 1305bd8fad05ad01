"""A link ends after the byte that it is told, in the way that it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from compat_tests.resume.talk.cuttable_link import Cut, CuttableLink, Direction, How

DATA = bytes(range(100))


@contextlib.asynccontextmanager
async def talker() -> AsyncIterator[int]:
    """A server that sends what it gets, to which clients connect over a link; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def heard(link: CuttableLink) -> tuple[bytes, str]:
    """What comes back of ``DATA``, and how the connection ends."""
    host, _, port = link.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(DATA)
    silent = asyncio.create_task(link.silent.wait())
    got = b""
    end = "FIN"
    try:
        while len(got) < len(DATA):
            reading = asyncio.create_task(reader.read(1000))
            done, _ = await asyncio.wait([reading, silent], return_when="FIRST_COMPLETED")
            if reading not in done:
                reading.cancel()
                end = "SILENCE"
                break
            if not (data := reading.result()):
                break
            got += data
        else:
            end = ""
    except ConnectionResetError:
        end = "RST"
    finally:
        silent.cancel()
        writer.transport.abort()
    return got, end


@pytest.mark.parametrize("how", How, ids=lambda how: how.name)
async def test_cut_down(how: How) -> None:
    """So many bytes of the server's come, and no more."""
    async with talker() as port, CuttableLink(port, [Cut(Direction.DOWN, 37, how)]).open() as link:
        got, end = await heard(link)
        assert end == how.name
        if how is How.FIN:
            assert got == DATA[:37]
        assert DATA[:37].startswith(got)  # a reset may overtake what came before it
        assert link.carried[0].bytes[Direction.DOWN] == 37


async def test_cut_up() -> None:
    """So many bytes of the client's go through."""
    cut = Cut(Direction.UP, 5, How.FIN)
    async with talker() as port, CuttableLink(port, [cut]).open() as link:
        await heard(link)
        assert link.carried[0].bytes[Direction.UP] == 5


async def test_later_connections() -> None:
    """Those that have no cut last."""
    cut = Cut(Direction.UP, 0, How.RST)
    async with talker() as port, CuttableLink(port, [cut, None]).open() as link:
        assert (await heard(link))[0] == b""
        assert await heard(link) == (DATA, "")
