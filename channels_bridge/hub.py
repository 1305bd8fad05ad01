"""The hubs that the project's channel layers need: child processes of the server, or tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from . import conf
from .exceptions import BridgeError
from .groups import hub_address
from .server.channel import ChildEnd
from .server.child import Run
from .server.errors import StartupError
from .transport import get_channel_layer


def addresses() -> list[str]:
    """Where hubs are needed, each address once."""
    aliases = dict.fromkeys([*conf.channel_layers(), *conf.transport_backends()])
    found = (hub_address(get_channel_layer(alias)) for alias in aliases)
    return list(dict.fromkeys(address for address in found if address is not None))


def main(address: str) -> Run:
    """The :data:`~.server.child.Main` of a hub."""
    return partial(serve, address)


async def serve(address: str, channel: ChildEnd, stop: asyncio.Event) -> None:
    """Run a hub until ``stop`` is set.

    Raises:
        StartupError: the hub cannot listen at ``address``.
    """
    from .groups.grpc.hub import serve as serve_hub

    # Nothing is ever passed to a hub: what can be read is the end of the supervisor.
    asyncio.get_running_loop().add_reader(channel.sock, stop.set)
    try:
        await serve_hub(address, ready=channel.ready, stop=stop)
    except BridgeError as error:
        raise StartupError(str(error)) from error


@contextlib.asynccontextmanager
async def serving_hubs() -> AsyncIterator[None]:
    """Run in this process what hubs are needed, each while nobody else runs it.

    Raises:
        StartupError: a hub cannot listen at its address.
    """
    stop = asyncio.Event()
    hubs: list[asyncio.Task[None]] = []
    try:
        for address in addresses():
            hubs.append(await _start(address, stop))
        yield
    finally:
        stop.set()
        await asyncio.gather(*hubs)


async def _start(address: str, stop: asyncio.Event) -> asyncio.Task[None]:
    from .groups.grpc.hub import serve as serve_hub

    ready = asyncio.Event()
    hub = asyncio.create_task(serve_hub(address, ready=ready.set, stop=stop), name="hub")
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([hub, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if hub.done() and isinstance(error := hub.exception(), BridgeError):
        raise StartupError(str(error)) from error
    return hub
