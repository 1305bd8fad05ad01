"""Advice about groups at the start of a server: what carries them, and whom that does not reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from channels.layers import BaseChannelLayer, InMemoryChannelLayer

from channels_bridge import conf
from channels_bridge.groups import hub_address
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.layer import LocalChannelLayer
from channels_bridge.transport import get_channel_layer


def about_groups(workers: int) -> Iterator[str]:
    """Warn where messages to groups won't reach all members."""
    for alias, layer in layers():
        if workers > 1 and is_of_one_process(layer):
            yield (
                f"channel layer {alias!r} is {type(layer).__name__}, whose groups stay within "
                f"one of the {workers} workers: members in others get nothing. Use "
                "channels_bridge.layers.GrpcChannelLayer, or one worker"
            )
        elif not _is_known(host := _hub_host(layer)):
            yield (
                f"channel layer {alias!r}: the hub's host {host!r} is unknown here, so nothing is "
                "delivered to other processes: correct `address` in its CONFIG"
            )


def describe_groups() -> str:
    """Say what carries groups, for the banner."""
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
    """Yield the project's channel layers with their aliases."""
    for alias in conf.layer_aliases():
        if (layer := get_channel_layer(alias)) is not None:
            yield alias, layer


def is_of_one_process(layer: object) -> bool:
    return isinstance(layer, LocalChannelLayer | InMemoryChannelLayer)


def _hub_host(layer: object) -> str:
    """Return the host of the layer's hub; empty for a unix socket, or without a hub."""
    address = hub_address(layer)
    return Address.parse(address).host if address is not None else ""


def _is_known(host: str) -> bool:
    try:
        return not host or bool(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):  # the latter of labels that are too long
        return False
