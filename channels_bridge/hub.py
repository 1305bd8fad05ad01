"""The hub as a child process of the server."""

from __future__ import annotations

import asyncio

from .exceptions import BridgeError
from .groups.grpc.hub import serve as serve_hub
from .server.channel import ChildEnd
from .server.errors import StartupError


async def serve(channel: ChildEnd, stop: asyncio.Event, address: str) -> None:
    """Run a hub until ``stop`` is set; the ``main`` of its :class:`~.server.process.Service`.

    Raises:
        StartupError: the hub cannot listen at ``address``.
    """
    # Nothing is ever passed to a hub: what can be read is the end of the supervisor.
    asyncio.get_running_loop().add_reader(channel.sock, stop.set)
    try:
        await serve_hub(address, ready=channel.ready, stop=stop)
    except BridgeError as error:
        raise StartupError(str(error)) from error
