"""The channel layers that servers are measured with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A channel layer.

    Args:
        name: part of a stack's name.
        settings: an entry of CHANNEL_LAYERS; ``{directory}`` is filled in.
        versions: the distributions whose versions say what was measured.
        modules: what it needs.
        redis: whether it needs a Redis server.
    """

    name: str
    settings: Mapping[str, object] | None
    versions: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    redis: bool = False


def redis(name: str, backend: str, **options: object) -> Layer:
    """A layer of channels_redis."""
    return Layer(
        name,
        {
            "BACKEND": f"channels_redis.{backend}",
            "CONFIG": {"hosts": ["unix://{directory}/redis.sock"], **options},
        },
        versions=("channels-redis", "redis"),
        modules=("channels_redis",),
        redis=True,
    )


#: The project's own.
OWN = Layer("", None)

MEMORY = Layer("memory", {"BACKEND": "channels.layers.InMemoryChannelLayer"})

#: By default its capacity is 100 for all consumers of a process together: it would lose messages
#: wherever more are on their way.
CORE = redis("core", "core.RedisChannelLayer", capacity=10_000)

PUBSUB = redis("pubsub", "pubsub.RedisPubSubChannelLayer")

GRPC = Layer(
    "grpc",
    {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": "unix:{directory}/groups.sock"},
    },
    versions=("grpcio",),
)
