"""The program of a hub beside the workers of ``websockets_server``.

It has no application, no layer and no settings, which it may not be able to read: only what a hub
needs is imported here.
"""

from __future__ import annotations

import asyncio
import pickle
from functools import partial
from typing import NamedTuple

from channels_bridge.common.heap_trim import trim_heap
from channels_bridge.exceptions import BridgeError
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.groups.discovery.hub_holder import Seat
from channels_bridge.logs import show_lines
from channels_bridge.server.child.heartbeat import beating
from channels_bridge.server.child.main import Run
from channels_bridge.server.child.pipe import ChildEnd
from channels_bridge.server.child.questions import answering
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError


class Place(NamedTuple):
    """An address where a hub is needed, with the credentials for it, and what it keeps."""

    address: str
    credentials: Credentials
    seat: Seat
    history: HubHistory


def main(config: ServerConfig, place: bytes) -> Run:
    """Prepare a hub's process; a ``Main``.

    Args:
        place: a ``Place``, pickled: the supervisor passes it on, and need not know what it is.
    """
    show_lines()
    return partial(serve, config, pickle.loads(place))


async def serve(config: ServerConfig, place: Place, channel: ChildEnd, stop: asyncio.Event) -> None:
    """Run a hub until ``stop`` is set.

    Raises:
        StartupError: the hub cannot listen there.
    """
    # Not sooner: the command imports this module, too, and they take time and memory.
    from channels_bridge.groups.grpc.hub.frozen_entries import freezing_entries
    from channels_bridge.groups.grpc.hub.hub import serve as serve_hub
    from channels_bridge.groups.grpc.hub.hub_report import HubReport

    def ready() -> None:
        trim_heap()
        channel.ready()

    report = HubReport()
    # Nothing is ever passed to a hub: what can be read is the end of the supervisor.
    asyncio.get_running_loop().add_reader(channel.sock, stop.set)
    try:
        with freezing_entries():
            async with beating(channel, config), answering(channel.answers, report):
                await serve_hub(
                    place.address,
                    place.credentials,
                    ready=ready,
                    stop=stop,
                    seat=place.seat,
                    report=report,
                    history=place.history,
                )
    except BridgeError as error:
        raise StartupError(str(error)) from error
