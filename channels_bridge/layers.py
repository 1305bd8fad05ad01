"""Channels' ``channels.layers``, and the layers of this package."""

from channels.layers import (
    BaseChannelLayer,
    ChannelLayerManager,
    InMemoryChannelLayer,
    channel_layers,
    get_channel_layer,
)

from channels_bridge.groups.layer import GrpcChannelLayer, LocalChannelLayer

__all__ = [
    "BaseChannelLayer",
    "ChannelLayerManager",
    "GrpcChannelLayer",
    "InMemoryChannelLayer",
    "LocalChannelLayer",
    "channel_layers",
    "get_channel_layer",
]
