"""Transports over NATS for tests, spread over the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from channels_bridge.groups.nats.nats_transport import NatsTransport
from channels_bridge.groups.nats_config import NatsConfig


def nats_transports(urls: Sequence[str], **options: Any) -> Callable[..., NatsTransport]:
    """Make transports, each of which has another node first in its list.

    Args:
        options: of all of them; what is made takes others that are its own.
    """
    numbers = count()

    def make(**own: Any) -> NatsTransport:
        first = next(numbers) % len(urls)
        servers = [*urls[first:], *urls[:first]]
        config = NatsConfig(servers=servers, **{"timeout": 10, **options, **own})
        return NatsTransport(config, get_capacity=lambda name: config.capacity)

    return make
