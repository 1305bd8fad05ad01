"""What may surprise about a server that starts: sentences, for WARNING lines of its log.

System checks know settings alone. These know the options, too, and appear only where they matter.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from channels.layers import BaseChannelLayer, InMemoryChannelLayer

from . import conf
from .groups import hub_address
from .groups.address import Address
from .groups.layer import LocalChannelLayer
from .server.extras import how_to_install, missing
from .transport import get_channel_layer


def about_pages(http: bool) -> Iterator[str]:
    """Pages are asked for, and can't be served."""
    if http and (packages := missing("http")):
        yield (
            "pages are not served, a request that is no WebSocket handshake is answered 426: "
            f"{how_to_install(packages)}"
        )


# Groups.


def about_groups(workers: int) -> Iterator[str]:
    """Messages to groups that won't reach all members."""
    for alias, layer in layers():
        if workers > 1 and is_of_one_process(layer):
            yield (
                f"channel layer {alias!r} is {type(layer).__name__}, whose groups end at each of "
                f"the {workers} workers: members in another one than the sender's get nothing. Use "
                "channels_bridge.layers.GrpcChannelLayer, or one worker"
            )
        elif not _is_known(host := _hub_host(layer)):
            yield (
                f"channel layer {alias!r}: the hub's host {host!r} is unknown here, so nothing is "
                "delivered to other processes: correct `address` in its CONFIG"
            )


def describe_groups() -> str:
    """What carries groups, for the banner."""
    carriers = dict.fromkeys(_describe(layer) for _, layer in layers())
    return f"groups over {' and '.join(carriers)}" if carriers else "no channel layer"


def _describe(layer: BaseChannelLayer) -> str:
    address = hub_address(layer)
    if is_of_one_process(layer):
        return f"{type(layer).__name__}, within each worker"
    if address is None:
        return type(layer).__name__
    if not _is_known(_hub_host(layer)):
        return f"gRPC at {address}, which is unknown here"
    here = Address.parse(address).is_of_this_machine()
    return f"gRPC at {address}" if here else f"gRPC at {address}, another machine"


def layers() -> Iterator[tuple[str, BaseChannelLayer]]:
    """The project's channel layers, by alias."""
    for alias in dict.fromkeys([*conf.channel_layers(), *conf.transport_backends()]):
        if (layer := get_channel_layer(alias)) is not None:
            yield alias, layer


def is_of_one_process(layer: object) -> bool:
    return isinstance(layer, LocalChannelLayer | InMemoryChannelLayer)


def _hub_host(layer: object) -> str:
    """The name of the machine that the layer's hub is on; empty for this one, or without a hub."""
    address = hub_address(layer)
    return Address.parse(address).host if address is not None else ""


def _is_known(host: str) -> bool:
    try:
        return not host or bool(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM))
    except OSError:
        return False
