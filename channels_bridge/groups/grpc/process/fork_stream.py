"""The stream to the hub after a fork, where gRPC can't be used: through a subprocess that uses it.

gRPC's threads and locks don't survive a fork: in a child of a process that had imported it, both
its asyncio and its synchronous calls hang or crash, whatever GRPC_ENABLE_FORK_SUPPORT says.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

import channels_bridge
from channels_bridge.common.interpreter import python
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc.stream import StreamBroken

#: Batches are preceded by their length in so many bytes.
LENGTH = 4


class RelayedStream:
    """A Stream through ``fork_relay``, which copies batches between its pipes and the hub."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._writer = process.stdin
        self._reader = process.stdout

    @classmethod
    async def open(cls, address: Address, credentials: Credentials) -> RelayedStream:
        """Start the subprocess. Raises OSError when that can't be done."""
        # No preexec_fn or the like: the subprocess is then started by vfork(), which doesn't run
        # the fork handlers of gRPC.
        stream = cls(
            await asyncio.create_subprocess_exec(
                python(),
                "-m",
                "channels_bridge.groups.grpc.process.fork_relay",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_environment(),
                # Not for it: a Ctrl-C at the terminal. It goes when its stdin is closed.
                start_new_session=True,
            )
        )
        # By its stdin: everybody can see a command line.
        await stream.send(pickle.dumps((address, credentials)))
        return stream

    async def send(self, batch: bytes) -> None:
        try:
            await write_batch(self._writer, batch)
        except OSError as error:
            raise StreamBroken(str(error)) from error

    async def receive(self) -> bytes | None:
        try:
            return await read_batch(self._reader)
        except asyncio.IncompleteReadError as error:
            raise StreamBroken("the relay process has ended") from error

    async def aclose(self) -> None:
        self._writer.close()
        await self._process.wait()


async def write_batch(writer: asyncio.StreamWriter, batch: bytes) -> None:
    """Write a batch to a pipe, waiting while it is full. Raises OSError."""
    writer.write(len(batch).to_bytes(LENGTH, "big") + batch)
    await writer.drain()


async def read_batch(reader: asyncio.StreamReader) -> bytes | None:
    """Read a batch from a pipe; None at its end. Raises IncompleteReadError."""
    try:
        length = await reader.readexactly(LENGTH)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    return await reader.readexactly(int.from_bytes(length, "big"))


def _environment() -> dict[str, str]:
    """The environment of this process, in which the relay finds this package for certain."""
    package = str(Path(channels_bridge.__file__).parents[1])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package}
