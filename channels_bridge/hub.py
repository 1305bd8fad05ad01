"""The hubs that the project's channel layers need, and one as a child process of the server."""

from __future__ import annotations

import asyncio

from . import conf
from .exceptions import BridgeError
from .groups import hub_address
from .server.channel import ChildEnd
from .server.errors import StartupError
from .transport import get_channel_layer


def addresses() -> list[str]:
    """Where hubs are needed, each address once."""
    aliases = dict.fromkeys([*conf.channel_layers(), *conf.transport_backends()])
    found = (hub_address(get_channel_layer(alias)) for alias in aliases)
    return list(dict.fromkeys(address for address in found if address is not None))


async def serve(channel: ChildEnd, stop: asyncio.Event, address: str) -> None:
    """Run a hub until ``stop`` is set; the ``main`` of its :class:`~.server.process.Service`.

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
