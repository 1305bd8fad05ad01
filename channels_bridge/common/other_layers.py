"""Attributes and options of other channel layers, so that errors can say whose they are."""

from __future__ import annotations

from collections.abc import Collection

#: Keys of CONFIG in channels_redis, all of which say how it uses a Redis server.
REDIS_OPTIONS = (
    "hosts",
    "on_disconnect",
    "on_reconnect",
    "prefix",
    "random_prefix_length",
    "serializer_format",
    "symmetric_encryption_keys",
)

#: Attributes of channels_redis' layers that are not of the interface.
REDIS_ATTRIBUTES = {
    "brpop_timeout",
    "connection",
    "consistent_hash",
    "create_pool",
    "deserialize",
    "hosts",
    "prefix",
    "receive_buffer",
    "receive_clean_locks",
    "receive_cleaners",
    "receive_count",
    "receive_event_loop",
    "receive_lock",
    "receive_single",
    "ring_size",
    "serialize",
    "wait_received",
    "_backup_channel_name",
    "_brpop_with_clean",
    "_clean_receive_backup",
    "_get_group_channel_name",
    "_get_layer",
    "_group_key",
    "_layers",
    "_map_channel_keys_to_connection",
    "_serializer",
}
#: Those of InMemoryChannelLayer.
IN_MEMORY_ATTRIBUTES = {"channels", "groups"}

_WHOSE: list[tuple[Collection[str], str]] = [
    (REDIS_ATTRIBUTES, "it is of channels_redis, and there is no Redis server behind this layer"),
    (IN_MEMORY_ATTRIBUTES, "it is of InMemoryChannelLayer, which keeps everything in one process"),
]


def explain_attribute(layer: str, name: str) -> str:
    """The message of an AttributeError: what is missing, and why code may expect it."""
    whose = next((f": {text}" for names, text in _WHOSE if name in names), "")
    return f"{layer!r} object has no attribute {name!r}{whose}"
