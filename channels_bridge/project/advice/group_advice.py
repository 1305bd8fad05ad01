"""Advice about groups at the start of a server: what carries them, and whom that does not reach."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator

from channels.layers import BaseChannelLayer, InMemoryChannelLayer

from channels_bridge import conf
from channels_bridge.groups import hub_address
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.nats_address import DEFAULT_PORT, NatsAddress
from channels_bridge.groups.layer import LocalChannelLayer
from channels_bridge.groups.linked.linked_layer import LinkedChannelLayer
from channels_bridge.groups.linked.nats_layer import NatsChannelLayer
from channels_bridge.transport import get_channel_layer


def about_groups(workers: int) -> Iterator[str]:
    """Warn where messages to groups won't reach all members, now or with the next version."""
    for alias, layer in layers():
        if workers > 1 and is_of_one_process(layer):
            yield (
                f"channel layer {alias!r} is {type(layer).__name__}, whose groups stay within "
                f"one of the {workers} workers: members in others get nothing. Use "
                "channels_bridge.layers.GrpcChannelLayer, or one worker"
            )
        elif unknown := [host for host in _hosts_of(layer) if not _is_known(host)]:
            assert isinstance(layer, LinkedChannelLayer)
            yield (
                f"channel layer {alias!r}: the host {_list(unknown)} is unknown here, so nothing "
                f"reaches other processes by way of it: correct `{layer.place_key}` in its CONFIG"
            )
    yield from about_tcp()


def about_tcp() -> Iterator[str]:
    """Warn of hubs on TCP, and say what to write instead."""
    for alias, layer in layers():
        address = hub_address(layer)
        if address is not None and (text := about_tcp_hub(address)):
            yield f"channel layer {alias!r}: {text}"


def about_tcp_hub(address: str) -> str:
    """Say what to write instead of a hub's address; empty for a unix socket.

    Raises:
        ValueError: it isn't an address.
    """
    hub = Address.parse(address)
    if hub.path is not None:
        return ""
    plain, safe = (NatsAddress(scheme, hub.host, DEFAULT_PORT) for scheme in ("nats", "tls"))
    servers = [str(plain if plain.is_loopback else safe)]
    return (
        f"a hub on TCP, as at {address}, is deprecated, and will be gone in the next version: run "
        f'a NATS server instead, and write "BACKEND": "channels_bridge.layers.NatsChannelLayer", '
        f'"CONFIG": {{"servers": {json.dumps(servers)}}}'
    )


def describe_groups() -> str:
    """Say what carries groups, for the banner."""
    found = carriers()
    return f"groups over {' and '.join(found)}" if found else "no channel layer"


def carriers() -> list[str]:
    """Say for each layer what carries its groups, and where, each once."""
    return list(dict.fromkeys(_describe(layer) for _, layer in layers()))


def _describe(layer: BaseChannelLayer) -> str:
    if is_of_one_process(layer):
        return f"{type(layer).__name__}, within each worker (what Celery or cron send is lost)"
    if isinstance(layer, NatsChannelLayer):
        nodes = ", ".join(address.place for address in layer.config.addresses)
        return f"NATS at {nodes} (prefix {layer.prefix})"
    address = hub_address(layer)
    if address is None:
        return type(layer).__name__
    if not all(map(_is_known, _hosts_of(layer))):
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


def _hosts_of(layer: object) -> list[str]:
    return layer.hosts if isinstance(layer, LinkedChannelLayer) else []


def _list(names: Iterable[str]) -> str:
    return " and ".join(map(repr, names))


def _is_known(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):  # the latter of labels that are too long
        return False
