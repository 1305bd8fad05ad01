"""The hubs that the project's channel layers need: their places, and hubs that run as tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import reduce

from channels.exceptions import InvalidChannelLayerError
from django.core.exceptions import ImproperlyConfigured

from channels_bridge import conf
from channels_bridge.exceptions import BridgeError
from channels_bridge.groups import hub_address, hub_credentials, hub_history
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.groups.discovery.hub_holder import Seat, holder_of
from channels_bridge.project.hub_program import Place
from channels_bridge.server.errors import StartupError
from channels_bridge.transport import get_channel_layer


def places() -> list[Place]:
    """Return where hubs are needed on this machine, each address once.

    Raises:
        StartupError: a layer can't be made.
    """
    found: dict[str, Place] = {}
    for layer in _layers():
        address = hub_address(layer)
        if address is not None and Address.parse(address).is_of_this_machine():
            if address not in found:
                found[address] = _place(address, hub_credentials(layer))
    return list(found.values())


def history_at(address: str, *, of: object = None) -> HubHistory:
    """Return what a hub at an address keeps, for all layers that have it there.

    Args:
        of: the layer that counts where none has it there, with those of the same hub: they reach
            it by another name, as from another container.

    Raises:
        StartupError: a layer can't be made, or they don't agree.
    """
    layers = _layers_at(address) or _layers_at(hub_address(of))
    asked = [history for layer in layers if (history := hub_history(layer)) is not None]
    try:
        return reduce(HubHistory.join, asked) if asked else HubHistory()
    except ValueError as error:
        raise StartupError(str(error)) from None


def _layers_at(address: str | None) -> list[object]:
    if address is None:
        return []
    return [layer for layer in _layers() if hub_address(layer) == address]


def _layers() -> Iterator[object]:
    for alias in conf.layer_aliases():
        try:
            yield get_channel_layer(alias)
        except (InvalidChannelLayerError, ImproperlyConfigured) as error:
            raise StartupError(f"channel layer {alias!r}: {error}") from error


def _place(address: str, credentials: Credentials) -> Place:
    try:
        seat = Seat.of(Address.parse(address))
    except ValueError as error:
        raise StartupError(str(error)) from None
    return Place(address, credentials, seat, history_at(address))


def describe_neighbours(places: Iterable[Place]) -> list[str]:
    """Say whose each hub is that runs already, and what is shared: a line for the banner."""
    holders = (holder_of(place.seat.path) for place in places)
    return [
        f"Uses the hub of {holder}: groups with the same `prefix` in CONFIG are shared"
        for holder in holders
        if holder is not None
    ]


@contextlib.asynccontextmanager
async def serving_hubs() -> AsyncIterator[None]:
    """Run the hubs that are needed in this process, each unless another process runs it.

    Raises:
        StartupError: a hub cannot listen at its address.
    """
    stop = asyncio.Event()
    hubs: list[asyncio.Task[None]] = []
    try:
        for place in places():
            hubs.append(await _start(place, stop))
        yield
    finally:
        stop.set()
        await asyncio.gather(*hubs)


async def _start(place: Place, stop: asyncio.Event) -> asyncio.Task[None]:
    from channels_bridge.groups.grpc.hub.hub import serve as serve_hub

    ready = asyncio.Event()
    serving = serve_hub(
        place.address,
        place.credentials,
        ready=ready.set,
        stop=stop,
        seat=place.seat,
        history=place.history,
    )
    hub = asyncio.create_task(serving, name="hub")
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([hub, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if hub.done() and isinstance(error := hub.exception(), BridgeError):
        raise StartupError(str(error)) from error
    return hub
