"""The channel layers that servers are measured with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channels_bridge.bench.stacks.brokers import REDIS, Broker
from channels_bridge.bench.stacks.nats_nodes import nats_broker


@dataclass(frozen=True)
class Layer:
    """A channel layer.

    Args:
        name: part of a stack's name.
        settings: an entry of CHANNEL_LAYERS; ``{directory}`` is filled in, and where its broker is.
        versions: the distributions whose versions say what was measured.
        modules: what it needs.
        broker: what it needs beside its own processes.
    """

    name: str
    settings: Mapping[str, object] | None
    versions: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    broker: Broker | None = None


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
        broker=REDIS,
    )


def nats(name: str, nodes: int) -> Layer:
    """The layer for several machines, on so many nodes."""
    servers = [f"{{node{number}}}" for number in range(nodes)]
    return Layer(
        name,
        {
            "BACKEND": "channels_bridge.layers.NatsChannelLayer",
            "CONFIG": {"servers": servers, "prefix": "bench"},
        },
        broker=nats_broker(nodes),
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
)

#: The same, where what is said in groups is kept for who comes back.
HISTORY = Layer(
    "history",
    {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {
            "address": "unix:{directory}/groups.sock",
            "history": {"*": {}},
            "history_file": "{directory}/groups.history",
        },
    },
)

NATS = nats("nats", nodes=1)

NATS3 = nats("nats3", nodes=3)
